"""What a month would have cost, from sums: what rating each of its events again comes to, to the nano-dollar."""

import random

import msgspec
import pytest
from sqlalchemy import text

from gateway.accounts.store import list_accounts
from gateway.catalog.types import Model, PriceBook, Tier
from gateway.kit.clock import month_number, month_us
from gateway.metering.rerate import rerate
from gateway.rollups.rerate import dry_run
from gateway.rollups.types import DryRun
from tests.fixtures.ledger import FEBRUARY, JANUARY, TIERED, Books, order
from tests.rollups.test_roll import OTHER, Filled, catch_up

MONTH = month_number(JANUARY)
ODD = 1_234_567
"""A price at which hardly any number of tokens costs a whole number of nano-dollars."""


def priced(model: Model) -> Model:
    prices = {name: ODD + 100_000 * place for place, name in enumerate(model.prices.__struct_fields__)}
    return msgspec.structs.replace(model, prices=type(model.prices)(**prices))


def other_book(*tiers: Tier) -> PriceBook:
    return msgspec.structs.replace(TIERED, models=tuple(map(priced, TIERED.models)), tiers=tiers)


def tried(books: Books, other: PriceBook, month: int = MONTH, limit: int = 50) -> DryRun:
    return books.database.read_now(lambda conn: dry_run(conn, month, other, limit))


def one_by_one(books: Books, other: PriceBook) -> dict[str, tuple[int, int]]:
    """By the name of the account: what it cost and would have cost, of models with a price."""

    def sums(conn: object) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        begin, end = month_us(MONTH), month_us(MONTH + 1)
        for row in rerate(conn, list_accounts(conn), begin, end, other):  # type: ignore[arg-type]
            cost, would = found.get(row.account, (0, 0))
            if row.other_nanousd is not None:
                cost, would = cost + row.cost_nanousd, would + row.other_nanousd
            found[row.account] = (cost, would)
        return found

    return books.database.read_now(sums)


def by_name(run: DryRun) -> dict[str, tuple[int, int]]:
    return {row.name: (row.cost_nanousd, row.other_nanousd) for row in run.accounts}


@pytest.mark.parametrize(
    "tiers",
    [(Tier(None, 0),), (Tier(40, 0), Tier(100, 7), Tier(None, 33)), TIERED.tiers],
    ids=["flat", "steep", "same"],
)
def test_it_is_what_rating_each_event_comes_to(books: Books, tiers: tuple[Tier, ...]) -> None:
    catch_up(Filled(books).books.database)
    other = other_book(*tiers)
    run = tried(books, other)
    assert by_name(run) == one_by_one(books, other)
    assert len(run.accounts) == run.of == 2
    assert run.total.cost_nanousd == sum(cost for cost, _ in by_name(run).values()) > 0
    assert run.total.other_nanousd == sum(would for _, would in by_name(run).values()) > 0
    assert run.total.difference_nanousd == run.total.other_nanousd - run.total.cost_nanousd
    assert (run.unpriced, run.behind) == ({}, 0)
    same = tried(books, TIERED)
    assert same.total.difference_nanousd == 0


def test_whom_it_changes_most_comes_first_and_what_is_missing_is_said(books: Books) -> None:
    filled = Filled(books, events=30)
    assert (tried(books, TIERED).of, tried(books, TIERED).behind) == (0, 30)
    catch_up(books.database)
    dearer = other_book(Tier(None, 0))
    everybody, first = tried(books, dearer), tried(books, dearer, limit=1)
    [row] = first.accounts
    assert abs(row.difference_nanousd) == max(abs(each.difference_nanousd) for each in everybody.accounts)
    assert (first.total, first.of) == (everybody.total, 2)
    assert row.account_id in {filled.account, filled.stranger}
    assert tried(books, dearer, MONTH + 1).of == 0


def test_a_model_without_a_price_is_in_neither_sum(books: Books) -> None:
    catch_up(Filled(books).books.database)
    without = msgspec.structs.replace(
        TIERED, models=tuple(each for each in TIERED.models if each.id != OTHER)
    )
    run = tried(books, without)
    assert by_name(run) == one_by_one(books, without)
    assert run.total.difference_nanousd == 0
    whole = tried(books, TIERED).total.cost_nanousd
    assert run.unpriced == {OTHER: whole - run.total.cost_nanousd}
    assert run.total.unpriced_nanousd == run.unpriced[OTHER] > 0


def test_requests_from_before_volumes_were_rounded_up_each(books: Books) -> None:
    """By less than a nano-dollar for each of them and each class."""
    owner, writer, dice, requests = books.account(10**9), books.writer(), random.Random(5), 12

    async def serve() -> None:
        for _ in range(requests):
            hold = await writer.hold(order(owner))
            await writer.charge(books.charge(hold, tokens=dice.randrange(1, 4), inputs=dice.randrange(1, 5)))

    books.do(serve())
    starts = ", ".join(f"{name}_start = NULL" for name in TIERED.models[0].prices.__struct_fields__)
    books.database.write_now(lambda conn: conn.execute(text(f"UPDATE usage_events SET {starts}")))
    catch_up(books.database)
    other = other_book(Tier(None, 0))
    [(_, summed)], [(_, each)] = by_name(tried(books, other)).values(), one_by_one(books, other).values()
    assert summed < each <= summed + 2 * requests
    assert month_us(MONTH + 1) == FEBRUARY
