"""Several processes on one database, each a thread with its own loop, limiter and connections: together never more than the limit."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import RateLimited, RequestExceedsLimit, StorageUnavailable
from gateway.kit.db import Database
from gateway.limits import store
from gateway.limits.admit import Admission, Limiter
from gateway.limits.types import MINUTE_US, NOTHING, Bound, Limits, Subject
from tests.limits.process import ONE, START, TTL_US, Clock, Process


def drawn(database: Database, account_id: str) -> list[tuple[int, ...]]:
    return [each.amounts for each in database.read_now(lambda conn: store.read_drawn(conn, [account_id]))]


async def hammer(
    limiter: Limiter, bounds: tuple[Bound, ...], running: list[Admission], *, at_once: int = 4
) -> None:
    """Asks until it was refused, several times at once, and lets what was admitted run."""

    async def ask() -> None:
        refused = 0
        while refused < 2:
            try:
                running.append(await limiter.admit(bounds, ONE))
            except RateLimited:
                refused += 1

    await asyncio.gather(*(ask() for _ in range(at_once)))


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        (Limits(requests_per_minute=1000), 1000),
        (Limits(requests_per_minute=37), 37),
        (Limits(input_tokens_per_minute=10_009), 1000),
        (Limits(output_tokens_per_minute=6000, requests_per_minute=900), 300),
        (Limits(concurrency=400), 400),
        (Limits(concurrency=3), 3),
    ],
    ids=lambda value: str(getattr(value, "each", value)),
)
def test_processes_together_admit_exactly_the_limit(
    database: Database, account_id: str, clock: Clock, start: Callable[[], Process], limits: Limits, most: int
) -> None:
    bounds = (Bound(Subject(account_id), limits),)
    processes = [start() for _ in range(3)]
    for minute in range(2):
        clock.now_us = START + minute * MINUTE_US + 5
        running: list[list[Admission]] = [[] for _ in processes]
        pending = [
            process.begin(hammer(process.limiter, bounds, own))
            for process, own in zip(processes, running, strict=True)
        ]
        for each in pending:
            each.result(60)
        assert sum(map(len, running)) == most
        for limit, *held in zip(limits.each, *drawn(database, account_id), strict=True):
            assert limit is None or sum(held) <= limit
        for process, own in zip(processes, running, strict=True):
            for admission in own:
                process.end(admission, ONE) if limits.concurrency and limits.concurrency < 10 else (
                    process.run(_end(process.limiter, admission))
                )


async def _end(limiter: Limiter, admission: Admission) -> None:
    limiter.end(admission, (1, 10, 20, 0))


def test_a_dead_processs_slots_are_free_when_its_row_expires(
    database: Database, account_id: str, clock: Clock, start: Callable[[], Process]
) -> None:
    bounds = (Bound(Subject(account_id), Limits(concurrency=2)),)
    dying, other = start(), start()
    dying.admit(bounds), dying.admit(bounds)
    dying.die()
    with pytest.raises(RateLimited) as refused:
        other.admit(bounds)
    assert refused.value.extra == {
        "limit_name": "concurrency", "limit_scope": "account", "limit": 2, "requested": 1, "remaining": 0,
    }  # fmt: skip
    clock.now_us += TTL_US
    other.admit(bounds), other.admit(bounds)
    with pytest.raises(RateLimited):
        other.admit(bounds)
    clock.now_us += 2 * TTL_US + MINUTE_US
    database.write_now(lambda conn: store.forget(conn, clock.now_us))
    assert drawn(database, account_id) == []


def test_a_living_process_keeps_its_slots_for_as_long_as_they_are_in_use(
    database: Database, account_id: str, clock: Clock, start: Callable[[], Process]
) -> None:
    bounds = (Bound(Subject(account_id), Limits(concurrency=1)),)
    living, other = start(), start()
    running = living.admit(bounds)
    for _ in range(6):
        clock.now_us += TTL_US // 2
        living.tick()
        with pytest.raises(RateLimited):
            other.admit(bounds)
    living.end(running, ONE)
    other.end(other.admit(bounds), ONE)
    living.admit(bounds)
    living.stop()
    other.admit(bounds)


def test_what_a_request_did_not_use_is_given_back_and_what_it_used_beyond_counts(
    account_id: str, clock: Clock, start: Callable[[], Process]
) -> None:
    bounds = (Bound(Subject(account_id), Limits(output_tokens_per_minute=100)),)
    one, other = start(), start()
    long = one.admit(bounds, (1, 5, 90, 1))
    with pytest.raises(RateLimited):
        other.admit(bounds, (1, 5, 50, 1))
    one.end(long, (1, 5, 30, 0))
    short = other.admit(bounds, (1, 5, 50, 1))
    other.end(short, (1, 5, 85, 0))  # longer than it had reserved: it was not cut, and all of it counts
    with pytest.raises(RateLimited) as refused:
        one.admit(bounds, (1, 5, 1, 1))
    assert refused.value.extra["remaining"] == 0
    assert refused.value.headers() == {"retry-after": "60", "retry-after-ms": "60000"}
    clock.now_us += MINUTE_US
    one.admit(bounds, (1, 5, 100, 1))


def test_an_idle_share_goes_back(
    database: Database, account_id: str, clock: Clock, start: Callable[[], Process]
) -> None:
    bounds = (Bound(Subject(account_id), Limits(requests_per_minute=1000)),)
    process = start()
    process.end(process.admit(bounds), ONE)
    assert drawn(database, account_id)[0][0] > 50, "some in advance"
    process.tick()
    process.tick()
    assert drawn(database, account_id)[0][0] == 1, "what was used, and no more"
    clock.now_us += MINUTE_US
    process.tick()
    process.tick()
    assert process.limiter._shares == {}, "what nobody uses is not remembered"


def test_a_refusal_by_one_limit_uses_nothing_up_of_another(
    account_id: str, start: Callable[[], Process]
) -> None:
    account = Bound(Subject(account_id), Limits(requests_per_minute=2))
    key = Bound(Subject(account_id, "key_1"), Limits(concurrency=1))
    process = start()
    running = process.admit((account, key))
    with pytest.raises(RateLimited) as refused:
        process.admit((account, key))
    assert refused.value.extra["limit_scope"] == "key"
    process.end(running, ONE)
    process.admit((account, key))
    with pytest.raises(RateLimited) as refused:
        process.admit((account,))
    assert refused.value.extra["limit_scope"] == "account"


def test_what_can_never_fit_is_refused_for_good(account_id: str, start: Callable[[], Process]) -> None:
    bounds = (Bound(Subject(account_id), Limits(input_tokens_per_minute=9)),)
    with pytest.raises(RequestExceedsLimit) as refused:
        start().admit(bounds)
    assert refused.value.headers()["x-should-retry"] == "false"


def test_a_minute_that_another_process_began_is_not_drawn_from_again(
    account_id: str, database: Database, start: Callable[[], Process]
) -> None:
    bounds = (Bound(Subject(account_id), Limits(requests_per_minute=2)),)
    behind, ahead = (
        Process(database.url, lambda: START + MINUTE_US - 1),
        Process(database.url, lambda: START + MINUTE_US),
    )
    behind.admit(bounds)
    ahead.admit(bounds)
    behind.admit(bounds)  # its own clock is still in the minute before
    for process in (behind, ahead):
        with pytest.raises(RateLimited):
            process.admit(bounds)
    far = Process(database.url, lambda: START + 90 * MINUTE_US)
    far.admit(bounds)
    for process in (behind, ahead):  # nobody follows a clock that is wrong
        with pytest.raises(RateLimited):
            process.admit(bounds)
    for process in (behind, ahead, far):
        process.stop()


def test_a_client_that_left_while_it_waited_holds_nothing(
    account_id: str, start: Callable[[], Process]
) -> None:
    bounds = (Bound(Subject(account_id), Limits(concurrency=1, requests_per_minute=5)),)
    process = start()

    async def leave() -> None:
        for pause_s in (0, 0.001, 0.003, 0.01, 0.02):
            asking = asyncio.ensure_future(process.limiter.admit(bounds, ONE))
            await asyncio.sleep(pause_s)
            asking.cancel()
            await asyncio.wait({asking})
            if not asking.cancelled() and asking.exception() is None:
                process.limiter.end(asking.result(), NOTHING)
        await process.settled()

    process.run(leave())
    for _ in range(5):
        process.end(process.admit(bounds), ONE)


def test_if_the_database_cannot_say_the_request_goes_on_and_is_counted(
    account_id: str, start: Callable[[], Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = (Bound(Subject(account_id), Limits(concurrency=1)),)
    process = start()

    async def away(_work: Any) -> Any:
        raise StorageUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(process.limiter._database, "write", away)
        running = [process.admit(bounds) for _ in range(3)]
        assert process.limiter.unknown == 3
    with pytest.raises(RateLimited):
        process.admit(bounds)
    for admission in running:
        process.end(admission, ONE)
    process.end(process.admit(bounds), ONE)


def test_refusals_are_counted_by_key_and_hour(
    account_id: str, database: Database, clock: Clock, start: Callable[[], Process]
) -> None:
    account = Bound(Subject(account_id), Limits(concurrency=1))
    key = Bound(Subject(account_id, "key_1"), Limits(requests_per_minute=50))
    for process in (start(), start()):
        bounds = (account, key)
        running = process.admit(bounds)
        for _ in range(3):
            with pytest.raises(RateLimited):
                process.admit(bounds)
        process.tick()
        with pytest.raises(RateLimited):
            process.admit(bounds)
        process.tick()
        process.end(running, ONE)
        assert process.limiter.refusals.total == {("account", "concurrency"): 4}
    hour = clock.now_us // 3_600_000_000 * 3_600_000_000
    found = database.read_now(lambda conn: store.sum_refusals(conn, account_id, 0))
    assert found == {hour: {"concurrency": 8}}
    assert database.read_now(lambda conn: store.sum_refusals(conn, account_id, 0, "key_1")) == found
    assert database.read_now(lambda conn: store.sum_refusals(conn, account_id, 0, "key_2")) == {}
