"""How requests ended and what each class of their tokens cost, in the sums: what the receipts say, and the audit says when not."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import text

from gateway.catalog.rate import classes
from gateway.errors import StorageUnavailable
from gateway.jobs.roll_up import roll_step
from gateway.kit.clock import DAY_US
from gateway.metering.receipt import read_receipt
from gateway.metering.types import Receipt, Selection, UsageEvent
from gateway.rollups import roll as rolling
from gateway.rollups.audit import audit_all
from gateway.rollups.detail import sum_details
from gateway.rollups.store import sum_by
from gateway.rollups.tables import SPLIT
from gateway.rollups.types import Detail
from gateway.rollups.usage import sum_usage
from tests.fixtures.ledger import JANUARY, MODEL, Books
from tests.rollups.test_roll import EVER, OTHER, Filled, catch_up


@pytest.fixture
def filled(books: Books, monkeypatch: pytest.MonkeyPatch) -> Filled:
    monkeypatch.setattr(rolling, "EVENTS_MAX", 7)
    return Filled(books)


def details(filled: Filled, account_id: str, *by: Any) -> dict[tuple[Any, ...], Detail]:
    return dict(
        filled.books.database.read_now(
            lambda conn: sum_by(conn, "day", EVER, *by, kind=Detail, account_id=account_id)
        )
    )


def receipts_of(filled: Filled, account_id: str) -> list[Receipt]:
    return filled.books.database.read_now(
        lambda conn: [read_receipt(conn, None, event.request_id) for event in filled.events(account_id)]
    )


def split(receipts: Iterable[Receipt]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """How they ended; the tokens of each class, and what they cost, as the lines of receipts say it."""
    ended, tokens, costs = Counter[str](), Counter[str](), Counter[str]()
    for receipt in receipts:
        ended[receipt.event.outcome] += 1
        tokens.update(classes(receipt.event.counts))
        for line in receipt.lines:
            costs[line.token_class] += line.cost_nanousd
    return ended, tokens, costs


def test_they_say_how_requests_ended_and_what_each_class_cost(filled: Filled) -> None:
    """To the nano-dollar: with discounts, pictures, and with tokens of pictures that were cached."""
    filled.serve(150)  # until there are discounts
    catch_up(filled.books.database)
    receipts = receipts_of(filled, filled.account)
    assert any(line.discount_percent for receipt in receipts for line in receipt.lines)
    assert any(
        e.input_image_tokens + e.input_cached_tokens > e.input_tokens for e in filled.events(filled.account)
    )
    for by, of in (
        ((), lambda _: ()),
        (("key_id", "model"), lambda event: (event.key_id, event.model)),
        (("period", "project_id"), lambda event: (event.created_us // DAY_US, event.project_id or "")),
    ):
        found = details(filled, filled.account, *by)
        assert found.keys() == {of(receipt.event) for receipt in receipts}
        for group, sums in found.items():
            mine = [receipt for receipt in receipts if of(receipt.event) == group]
            said = (Counter(sums.outcomes), Counter(sums.class_tokens), Counter(sums.class_nanousd))
            assert said == split(mine)
            assert (sums.unsplit_requests, sums.unsplit_nanousd) == (0, 0)
    [total] = details(filled, filled.account).values()
    assert min(total.class_nanousd.values()) > 0
    assert sum(total.class_nanousd.values()) == total.cost_nanousd


def test_what_was_summed_before_stays_and_is_not_told_apart(filled: Filled) -> None:
    """As revision 0023 leaves it: sums without their parts, and a mark that says up to where."""
    database = filled.books.database
    catch_up(database)
    before, count = filled.sums("day"), len(filled.events(filled.account))
    zero = ", ".join(f"{name} = 0" for name in SPLIT)
    for change in (
        *(
            f"UPDATE {table} SET {zero}"
            for table in ("usage_hours", "usage_days", "usage_months", "usage_all_days")
        ),
        "UPDATE rollup_marks SET unsplit_seq = account_seq",
    ):
        database.write_now(lambda conn, change=change: conn.execute(text(change)))
    assert filled.sums("day") == before
    [old] = details(filled, filled.account).values()
    assert (old.unsplit_requests, old.unsplit_nanousd) == (old.requests, old.cost_nanousd)
    filled.serve(20)
    catch_up(database)
    [total] = details(filled, filled.account).values()
    ended, _, costs = split(receipts_of(filled, filled.account)[count:])
    assert (Counter(total.outcomes), Counter(total.class_nanousd)) == (ended, costs)
    assert (total.unsplit_requests, total.unsplit_nanousd) == (old.requests, old.cost_nanousd)
    assert database.read_now(lambda conn: audit_all(conn, 0)).differences == ()
    database.write_now(lambda conn: conn.execute(text("UPDATE rollup_marks SET unsplit_seq = 0")))
    assert "completed_requests" in str(database.read_now(lambda conn: audit_all(conn, 0)).differences)


def test_between_any_two_instants_they_are_exact(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it summed, half not yet; from and until the middle of hours."""
    database, dice = filled.books.database, random.Random(3)
    for _ in range(2):
        asyncio.run(roll_step(database))
    everything = {account: receipts_of(filled, account) for account in (filled.account, filled.stranger)}
    instants = sorted(JANUARY + dice.randrange(3 * DAY_US) for _ in range(2))
    chosen = [
        Selection(account_id=filled.account), Selection(model=OTHER), Selection(key_id=filled.keys[0]),
        Selection(project_id=filled.project), Selection(), Selection(account_id=filled.account, since_us=instants[0], until_us=instants[0] + 10**9),
        *(Selection(account_id=account, since_us=instants[0], until_us=instants[1]) for account in (None, filled.account)),
    ]  # fmt: skip
    groups: dict[Any, Any] = {
        "account": lambda e: e.account_id, "key": lambda e: e.key_id, "project": lambda e: e.project_id or "",
        "model": lambda e: e.model, "day": lambda e: str(e.created_us // DAY_US),
    }  # fmt: skip
    for each in chosen:
        mine = [r for found in everything.values() for r in found if _is_in(r.event, each)]
        for by, of in groups.items():
            found = database.read_now(lambda conn, each=each, by=by: sum_details(conn, each, by, limit=99))
            assert [group for group, _ in found] == sorted({of(r.event) for r in mine}), (each, by)
            plain = database.read_now(lambda conn, each=each, by=by: sum_usage(conn, each, by))
            assert [(group, sums.requests, sums.cost_nanousd) for group, sums in found] == [
                (row.group, row.requests, row.cost_nanousd) for row in plain
            ]
            for group, sums in found:
                said = (Counter(sums.outcomes), Counter(sums.class_tokens), Counter(sums.class_nanousd))
                assert said == split(r for r in mine if of(r.event) == group), (each, by)
    monkeypatch.setattr("gateway.rollups.detail.UNSUMMED_MAX", 1)
    with pytest.raises(StorageUnavailable, match="not summed yet"):
        database.read_now(lambda conn: sum_details(conn, Selection(), "model", limit=1))


def _is_in(event: UsageEvent, chosen: Selection) -> bool:
    named = ("account_id", "model", "key_id", "project_id")
    wanted = all(getattr(chosen, name) in (None, getattr(event, name)) for name in named)
    return wanted and (chosen.since_us or 0) <= event.created_us < (chosen.until_us or 2**63)


def test_the_audit_finds_what_is_in_the_wrong_place(filled: Filled) -> None:
    """The totals are right, but one key has what another used; and the sums of everybody are sums, too."""
    database = filled.books.database
    catch_up(database)
    one, other = (f"key_id = '{key}' AND model = '{MODEL}' AND project_id = ''" for key in filled.keys)
    for more, where in (("+ 1", one), ("- 1", other)):
        change = f"UPDATE usage_months SET client_gone_requests = client_gone_requests {more} WHERE {where}"
        assert database.write_now(lambda conn, change=change: conn.execute(text(change)).rowcount) == 1
    found = database.read_now(lambda conn: audit_all(conn, 0)).differences
    assert len(found) == 2
    assert {key in str(found) for key in filled.keys} == {True}
    database.write_now(lambda conn: conn.execute(text("UPDATE usage_all_days SET worker_cost_nanousd = 0")))
    found = database.read_now(lambda conn: audit_all(conn, 0)).differences
    assert [(each.account, each.where) for each in found[2:]] == [("everybody", "usage_all_days")]
