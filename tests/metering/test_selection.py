"""Which events a list shows, in which order, and in pieces that neither miss nor repeat one."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import event as sqlalchemy_event

from gateway.errors import BadRequest
from gateway.kit.clock import DAY_US
from gateway.metering.store import GroupBy, list_events
from gateway.metering.types import Selection, UsageEvent, UsageRow
from gateway.rollups.usage import sum_usage
from tests.fixtures.ledger import JANUARY, MODEL, Books, order

OTHER = "codestral-2508"
DAYS = 3


class Filled:
    """Two accounts with three keys; on each of three days each key asks both models twice, some in the same instant."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.account, key = books.account(10**9)
        self.keys = sorted([key, books.key(self.account)])
        self.stranger, self.stray = books.account(10**9)
        self.events: list[UsageEvent] = []
        owners = [(self.account, each) for each in self.keys] + [(self.stranger, self.stray)]
        wanted = [(owner, model) for owner in owners for model in (MODEL, OTHER)] * 2
        shuffled = random.Random(1)
        for day in range(DAYS):
            shuffled.shuffle(wanted)
            for i, (owner, model) in enumerate(wanted):
                books.now = JANUARY + day * DAY_US + i // 5
                self.events.append(self._serve(owner, model))
        self.events.sort(key=lambda event: event.created_us)

    def _serve(self, owner: tuple[str, str], model: str) -> UsageEvent:
        async def serve() -> UsageEvent:
            hold = await writer.hold(order(owner))
            charge = self.books.charge(hold)
            prices = next(each.prices for each in self.books.book.models if each.id == MODEL)
            event = msgspec.structs.replace(charge.event, model=model)
            settled = await writer.charge(msgspec.structs.replace(charge, event=event, prices=prices))
            return settled.event

        writer = self.books.writer()
        return self.books.do(serve())

    def sums(self, group_by: GroupBy, limit: int | None = None, after: str | None = None, **chosen: Any) -> list[UsageRow]:  # fmt: skip
        return self.books.database.read_now(
            lambda conn: sum_usage(conn, Selection(**chosen), group_by, limit=limit, after=after)
        )

    def list(self, limit: int = 1000, after: str | None = None, **chosen: Any) -> list[UsageEvent]:
        return self.books.database.read_now(
            lambda conn: list_events(
                conn, Selection(account_id=self.account, **chosen), limit=limit, after=after
            )
        )

    def mine(self, when: Callable[[UsageEvent], bool] = lambda _: True) -> set[str]:
        return {event.request_id for event in self.events if event.account_id == self.account and when(event)}


@pytest.fixture
def filled(books: Books) -> Filled:
    return Filled(books)


def test_lists_are_narrowed(filled: Filled) -> None:
    begin, end = JANUARY + DAY_US, JANUARY + 2 * DAY_US
    key = filled.keys[0]
    for chosen, when in (
        ({}, lambda _: True),
        ({"since_us": begin}, lambda each: each.created_us >= begin),
        ({"until_us": end}, lambda each: each.created_us < end),
        ({"model": OTHER}, lambda each: each.model == OTHER),
        ({"key_id": key}, lambda each: each.key_id == key),
        (
            {"since_us": begin, "until_us": end, "model": MODEL, "key_id": key},
            lambda each: begin <= each.created_us < end and each.model == MODEL and each.key_id == key,
        ),
        ({"key_id": filled.stray}, lambda _: False),
        ({"model": "none"}, lambda _: False),
    ):
        found = filled.list(**chosen)
        assert {each.request_id for each in found} == filled.mine(when), chosen
        assert [each.created_us for each in found] == sorted(
            (each.created_us for each in found), reverse=True
        )
        summed = filled.sums("key", account_id=filled.account, **chosen)
        assert sum(row.requests for row in summed) == len(found)
        assert sum(row.cost_nanousd for row in summed) == sum(each.cost_nanousd for each in found)


@pytest.mark.parametrize("limit", [1, 2, 5, 24])
def test_pieces_neither_miss_nor_repeat(filled: Filled, limit: int) -> None:
    seen: list[str] = []
    while piece := filled.list(limit, after=seen[-1] if seen else None):
        assert len(piece) <= limit
        seen += [each.request_id for each in piece]
    assert len(seen) == len(set(seen))
    assert set(seen) == filled.mine()
    for group_by in ("account", "key", "model", "day"):
        groups: list[str] = []
        while rows := filled.sums(group_by, limit, groups[-1] if groups else None):
            groups += [row.group for row in rows]
        assert groups == [row.group for row in filled.sums(group_by)]
        assert groups == sorted(groups)


def test_groups(filled: Filled) -> None:
    assert {row.group: row.requests for row in filled.sums("account")} == {
        filled.account: 24,
        filled.stranger: 12,
    }
    assert [row.group for row in filled.sums("key", account_id=filled.account)] == filled.keys
    assert [row.group for row in filled.sums("model")] == [OTHER, MODEL]
    first = JANUARY // DAY_US
    assert [row.group for row in filled.sums("day", after=str(first))] == [str(first + 1), str(first + 2)]


def test_a_cursor_that_is_none_of_mine(filled: Filled) -> None:
    theirs = next(each.request_id for each in filled.events if each.account_id == filled.stranger)
    for wrong in (theirs, "req_0", ""):
        with pytest.raises(BadRequest, match="to go on after"):
            filled.list(after=wrong)


@pytest.mark.parametrize(
    "database_url", ["sqlite"], indirect=True
)  # PostgreSQL's plans depend on how much there is
def test_no_other_accounts_events_are_read(filled: Filled) -> None:
    plans: list[list[str]] = []

    def explain(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            steps = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append([step[3] for step in steps])

    last = filled.list()[3].request_id
    sqlalchemy_event.listen(filled.books.database._reader, "before_cursor_execute", explain)
    filled.list()
    filled.list(after=last)
    filled.list(after=last, since_us=1, until_us=2, model=MODEL, key_id=filled.keys[0])
    cursor = ["SEARCH usage_events USING INDEX sqlite_autoindex_usage_events_1 (request_id=?)"]
    walk = "SEARCH usage_events USING INDEX ix_usage_events_account_created (account_id=?"
    narrow = "SEARCH usage_events USING INDEX ix_usage_events_key_model"
    ties = "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"  # of one instant at a time
    assert plans == [
        [f"{walk})", ties],
        cursor,
        [f"{walk} AND created_us<?)", ties],
        cursor,
        [f"{narrow} (key_id=? AND model=? AND created_us>? AND created_us<?)", ties],
    ]
