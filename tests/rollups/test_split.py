"""How requests ended and what each class of their tokens cost, in the sums: what the receipts say, and the audit says when not."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import text

from gateway.catalog.rate import classes
from gateway.kit.clock import DAY_US
from gateway.metering.receipt import read_receipt
from gateway.metering.types import Receipt
from gateway.rollups import roll as rolling
from gateway.rollups.audit import audit_all
from gateway.rollups.store import sum_by
from gateway.rollups.tables import SPLIT
from gateway.rollups.types import Detail
from tests.fixtures.ledger import MODEL, Books
from tests.rollups.test_roll import EVER, Filled, catch_up


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
