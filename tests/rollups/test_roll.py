"""Sums by hour and by day are what the events add up to, however often and by however many they are brought up to date."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from gateway.jobs.roll_up import EVERY_S, roll_step
from gateway.kit.clock import DAY_US, HOUR_US
from gateway.kit.db import Database
from gateway.metering.store import walk_chain
from gateway.metering.types import BILLED, UsageEvent
from gateway.rollups import roll as rolling
from gateway.rollups.roll import roll
from gateway.rollups.store import count_behind, list_behind, sum_by
from gateway.rollups.types import Sums
from tests.fixtures.ledger import JANUARY, MODEL, Books, order

OTHER = "codestral-2508"
OUTCOMES = ("completed", "client_gone", "upstream_failed", "completed")
EVER = (0, 10**9)


class Filled:
    """Two accounts, three keys, two models, three days; a good part of it failed."""

    def __init__(self, books: Books, events: int = 60) -> None:
        self.books = books
        self.account, key = books.account(10**9)
        self.keys = [key, books.key(self.account)]
        self.stranger, self.stray = books.account(10**9)
        self._dice = random.Random(7)
        self.serve(events)

    def serve(self, events: int) -> None:
        owners = [(self.account, each) for each in self.keys] + [(self.stranger, self.stray)]
        for _ in range(events):
            self.books.now = JANUARY + self._dice.randrange(3 * DAY_US)
            self.books.do(self._serve(self._dice.choice(owners), self._dice.choice([MODEL, OTHER])))

    async def _serve(self, owner: tuple[str, str], model: str) -> None:
        writer = self.books.writer()
        hold = await writer.hold(order(owner))
        charge = self.books.charge(hold, outcome=self._dice.choice(OUTCOMES))
        prices = next(each.prices for each in self.books.book.models if each.id == MODEL)
        event = msgspec.structs.replace(charge.event, model=model, duration_us=self._dice.randrange(10**6))
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
        for name in Sums.__struct_fields__[2:]:
            found[name] += getattr(event, name)
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
    monkeypatch.setattr("gateway.jobs.roll_up.EVENTS_MAX", 7)
    return Filled(books)


def test_the_sums_are_what_the_events_add_up_to(filled: Filled) -> None:
    catch_up(filled.books.database)
    for account in (filled.account, filled.stranger):
        events = filled.events(account)
        by_hour = grouped(events, lambda event: (event.created_us // HOUR_US, event.key_id, event.model))
        assert filled.sums("hour", "period", "key_id", "model", account_id=account) == by_hour
        by_day = grouped(events, lambda event: (event.created_us // DAY_US, event.key_id, event.model))
        assert filled.sums("day", "period", "key_id", "model", account_id=account) == by_day
    both = filled.events(filled.account) + filled.events(filled.stranger)
    assert filled.sums("day", "account_id") == grouped(both, lambda event: (event.account_id,))
    assert filled.sums("day") == {(): added(both)}


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


def test_a_step_that_is_run_again_adds_nothing_twice(filled: Filled) -> None:
    database = filled.books.database
    behind = database.read_now(lambda conn: list_behind(conn, 10))
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: database.write_now(lambda conn: roll(conn, behind)), range(8)))
    assert sum(counts) == 14, "seven events of each account, once"
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
