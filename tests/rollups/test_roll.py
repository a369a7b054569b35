"""Sums by hour and by day are what the events add up to, however often and by however many they are brought up to date."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from gateway.jobs.roll_up import EVERY_S, roll_step
from gateway.kit.clock import DAY_US, HOUR_US, month_us
from gateway.kit.db import Database
from gateway.metering.store import sum_usage as walked
from gateway.metering.store import walk_chain
from gateway.metering.types import BILLED, Selection, UsageEvent, UsageRow
from gateway.rollups import roll as rolling
from gateway.rollups.audit import audit_all
from gateway.rollups.roll import prepare, roll
from gateway.rollups.store import count_behind, list_behind, sum_by
from gateway.rollups.tables import SUMMED
from gateway.rollups.types import Sums
from gateway.rollups.usage import pieces, sum_usage
from tests.fixtures.ledger import JANUARY, MODEL, Books, order

OTHER = "codestral-2508"
OUTCOMES = ("completed", "client_gone", "worker_failed", "completed")
EVER = (0, 10**9)


class Filled:
    """Two accounts, three keys, two models, three days; a good part of it failed."""

    def __init__(self, books: Books, events: int = 60) -> None:
        self.books = books
        self.account, key = books.account(10**9)
        self.keys = [key, books.key(self.account)]
        self.project = books.project(self.account)
        self.stranger, self.stray = books.account(10**9)
        self._dice = random.Random(7)
        self._sizes = random.Random(11)
        self.serve(events)

    def serve(self, events: int) -> None:
        owners = [(self.account, each) for each in self.keys] + [(self.stranger, self.stray)]
        for _ in range(events):
            self.books.now = JANUARY + self._dice.randrange(3 * DAY_US)
            self.books.do(self._serve(self._dice.choice(owners), self._dice.choice([MODEL, OTHER])))

    async def _serve(self, owner: tuple[str, str], model: str) -> None:
        writer = self.books.writer()
        project = self.project if owner[0] == self.account and self._dice.random() < 0.5 else None
        hold = await writer.hold(order(owner, project=project))
        charge = self.books.charge(hold, outcome=self._dice.choice(OUTCOMES))
        prices = next(each.prices for each in self.books.book.models if each.id == model)
        event = msgspec.structs.replace(charge.event, model=model, duration_us=self._dice.randrange(10**6),
                                         input_image_tokens=self._sizes.randrange(4), input_cached_tokens=self._sizes.randrange(6),
                                         output_reasoning_tokens=self._sizes.randrange(3),
                                         worker_cost_nanousd=self._dice.choice([None, 0, self._dice.randrange(10**4)]))  # fmt: skip
        await writer.charge(msgspec.structs.replace(charge, event=event, prices=prices))

    def events(self, account_id: str) -> list[UsageEvent]:
        return [
            event
            for event, _ in self.books.database.read_now(lambda conn: list(walk_chain(conn, account_id)))
        ]

    def sums(
        self, period: Any, *by: Any, between: tuple[int, int] = EVER, **chosen: Any
    ) -> dict[tuple[Any, ...], Sums]:
        return dict(self.books.database.read_now(lambda conn: sum_by(conn, period, between, *by, **chosen)))


def added(events: Iterable[UsageEvent]) -> Sums:
    found: dict[str, int] = defaultdict(int)
    for event in events:
        found["requests"] += 1
        found["unbilled_requests"] += event.outcome not in BILLED
        for name in SUMMED:
            found[name] += getattr(event, name)
        if event.worker_cost_nanousd is not None:
            found["worker_cost_nanousd"] += event.worker_cost_nanousd
            found["cost_known_nanousd"] += event.cost_nanousd
    return Sums(**found)


def grouped(events: list[UsageEvent], key: Callable[[UsageEvent], Any]) -> dict[Any, Sums]:
    groups: dict[Any, list[UsageEvent]] = defaultdict(list)
    for event in events:
        groups[key(event)].append(event)
    return {group: added(each) for group, each in groups.items()}


def catch_up(database: Database) -> None:
    while asyncio.run(roll_step(database)) == 0.0:
        pass
    assert database.read_now(lambda conn: list_behind(conn, 10)) == []


@pytest.fixture
def filled(books: Books, monkeypatch: pytest.MonkeyPatch) -> Filled:
    monkeypatch.setattr(rolling, "EVENTS_MAX", 7)
    return Filled(books)


def test_the_sums_are_what_the_events_add_up_to(filled: Filled) -> None:
    catch_up(filled.books.database)
    for account in (filled.account, filled.stranger):
        events = filled.events(account)
        by_hour = grouped(events, lambda event: (event.created_us // HOUR_US, event.key_id, event.model))
        assert filled.sums("hour", "period", "key_id", "model", account_id=account) == by_hour
        by_day = grouped(events, lambda event: (event.created_us // DAY_US, event.key_id, event.model))
        assert filled.sums("day", "period", "key_id", "model", account_id=account) == by_day
        by_project = grouped(events, lambda event: (event.project_id or "",))
        assert filled.sums("hour", "project_id", account_id=account) == by_project
    both = filled.events(filled.account) + filled.events(filled.stranger)
    assert filled.sums("day", "account_id") == grouped(both, lambda event: (event.account_id,))
    assert filled.sums("day") == {(): added(both)}
    assert 0 < added(both).cost_known_nanousd < added(both).cost_nanousd
    assert filled.sums("month", "model") == grouped(both, lambda event: (event.model,))
    assert filled.sums("day", "period") == grouped(both, lambda event: (event.created_us // DAY_US,))


def test_they_are_narrowed(filled: Filled) -> None:
    catch_up(filled.books.database)
    events, day = filled.events(filled.account), JANUARY // DAY_US + 1
    chosen = [
        e for e in events if e.created_us // DAY_US == day and e.model == OTHER and e.key_id == filled.keys[1]
    ]
    found = filled.sums(
        "day",
        "model",
        between=(day, day + 1),
        account_id=filled.account,
        key_ids=[filled.keys[1]],
        models=[OTHER],
    )
    assert found == {(OTHER,): added(chosen)}
    assert filled.sums("hour", between=(0, 1), account_id=filled.account) == {(): Sums()}
    inside = [event for event in events if event.project_id]
    assert 0 < len(inside) < len(events)
    found = filled.sums("day", account_id=filled.account, project_ids=[filled.project])
    assert found == {(): added(inside)}


def test_a_step_that_is_run_again_adds_nothing_twice(filled: Filled) -> None:
    database = filled.books.database
    behind = database.read_now(lambda conn: list_behind(conn, 10))
    portions = database.read_now(lambda conn: prepare(conn, behind))
    assert [portion.until for portion in portions] == [4, 3], (
        "a step takes seven events, of one account the half"
    )
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: database.write_now(lambda conn: roll(conn, portions)), range(8)))
    assert sum(counts) == 7, "each event once"
    catch_up(database)
    assert filled.sums("day", account_id=filled.account) == {(): added(filled.events(filled.account))}


def test_what_came_later_is_added_later(filled: Filled) -> None:
    database = filled.books.database
    catch_up(database)
    before = len(filled.events(filled.account))
    filled.serve(10)
    late = len(filled.events(filled.account)) - before
    assert database.read_now(lambda conn: count_behind(conn, filled.account)) == late
    catch_up(database)
    assert database.read_now(lambda conn: count_behind(conn, filled.account)) == 0
    assert filled.sums("hour", account_id=filled.account) == {(): added(filled.events(filled.account))}


def test_whoever_has_most_to_add_goes_first_and_nobody_waits_forever(filled: Filled) -> None:
    first, second = filled.books.database.read_now(lambda conn: list_behind(conn, 10))
    assert first.head - first.done > second.head - second.done
    assert (first.account_id, first.done) == (filled.account, 0)
    assert len(filled.books.database.read_now(lambda conn: list_behind(conn, 1))) == 1
    assert asyncio.run(roll_step(filled.books.database)) == 0.0, "there is more"
    catch_up(filled.books.database)
    assert asyncio.run(roll_step(filled.books.database)) == EVERY_S


def test_a_months_sums_are_those_of_its_receipts_and_the_audit_says_when_not(filled: Filled) -> None:
    database = filled.books.database
    catch_up(database)
    assert database.read_now(lambda conn: audit_all(conn, 0)).differences == ()
    for table, column in (
        ("month_lines", "cost_nanousd"), ("month_counts", "requests"), ("month_uses", "amount_nanousd"),
        ("usage_hours", "requests"), ("usage_days", "cost_nanousd"), ("usage_months", "requests"),
        *((table, column) for table in ("usage_hours", "usage_days", "usage_months")
          for column in ("worker_cost_nanousd", "cost_known_nanousd", "client_gone_requests", "output_reasoning_nanousd")),
    ):  # fmt: skip
        change = f"UPDATE {table} SET {column} = {column} + (:more) WHERE account_id = :account"
        for more in (1, -1):
            given = {"more": more, "account": filled.account}
            database.write_now(lambda conn, change=change, given=given: conn.execute(text(change), given))
            differences = database.read_now(lambda conn: audit_all(conn, 0)).differences
            assert len(differences) == (1 if more == 1 else 0), (table, differences)


def exactly(filled: Filled, since: int | None, until: int | None, by: Any, **chosen: Any) -> list[UsageRow]:
    selection = Selection(since_us=since, until_us=until, **chosen)
    database = filled.books.database
    rows = database.read_now(lambda conn: sum_usage(conn, selection, by))
    assert rows == sorted(
        database.read_now(lambda conn: walked(conn, selection, by)), key=lambda row: row.group
    )
    return rows


def test_usage_between_any_two_instants_is_exact(filled: Filled) -> None:
    """Half of it summed, half not yet; from and until the middle of hours, and with a month's end in it."""
    dice, database = random.Random(3), filled.books.database
    for _ in range(2):
        asyncio.run(roll_step(database))
    assert database.read_now(lambda conn: count_behind(conn, filled.account)) > 5
    instants = [JANUARY + dice.randrange(3 * DAY_US) for _ in range(4)]
    for _ in range(2):
        for since in (None, JANUARY // DAY_US * DAY_US, *instants):
            for until in (None, JANUARY + 2 * DAY_US, instants[0] + 1000, instants[1] + DAY_US):
                for by in ("account", "key", "model", "day"):
                    exactly(filled, since, until, by)
                    exactly(filled, since, until, by, account_id=filled.account, model=OTHER)
                exactly(filled, since, until, "model", key_id=filled.keys[0])
        catch_up(database)
    assert exactly(filled, None, None, "day", key_id="key_nobody") == []
    assert sum(row.requests for row in exactly(filled, None, None, "account")) == 60


@given(st.integers(0, 2000), st.integers(0, 20_000), st.booleans())
def test_pieces_cover_each_hour_once(first: int, length: int, by_day: bool) -> None:
    covered: list[int] = []
    for period, (begin, end) in pieces(first, first + length, by_day=by_day):
        assert not (by_day and period == "month")
        of = {"hour": lambda n: n, "day": lambda n: n * 24, "month": lambda n: month_us(n) // HOUR_US}[period]
        covered += range(of(begin), of(end))
    assert sorted(covered) == list(range(first, first + length))


def test_the_huge_do_not_keep_the_small_waiting(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.jobs.roll_up.ACCOUNTS_MAX", 1)
    assert asyncio.run(roll_step(filled.books.database)) == 0.0, "somebody else may be behind as well"
    catch_up(filled.books.database)
    assert filled.sums("month", "account_id").keys() == {(filled.account,), (filled.stranger,)}
