"""Waiting when all are busy: bounded, fair between accounts, first come first served within one."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.workers.budget import Budget
from gateway.workers.hedge import NEEDED, Hedging
from gateway.workers.queue import Queue, QueueFull

MODEL = "m"


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def line_up(queue: Queue[str], names: list[str], served: list[str]) -> list["asyncio.Task[None]"]:
    """One waiter for each name, in this order; whose turn comes is noted."""

    async def wait(name: str) -> None:
        with queue.place(MODEL, name[0], first=False) as turn:
            await turn
        served.append(name)

    tasks = []
    for name in names:
        tasks.append(asyncio.create_task(wait(name)))
        await settle()
    return tasks


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def test_accounts_take_turns_and_each_is_served_in_order() -> None:
    async def test() -> None:
        queue, served = Queue[str](100), list[str]()
        await line_up(queue, ["a1", "a2", "a3", "b1", "c1", "b2"], served)
        for _ in range(6):
            queue.wake(MODEL)
            await settle()
        assert served == ["a1", "b1", "c1", "a2", "b2", "a3"]
        assert (len(queue), queue.has(MODEL), queue.lines) == (0, False, [])
        queue.wake(MODEL)  # nobody: nothing happens

    run(test)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30))
def test_nobody_waits_for_more_than_a_round(accounts: list[str]) -> None:
    async def test() -> None:
        queue, served = Queue[str](100), list[str]()
        await line_up(queue, [f"{name}{n}" for n, name in enumerate(accounts)], served)
        left = Counter(accounts)
        while sum(left.values()):
            waiting = {name for name, count in left.items() if count}
            round_begins = len(served)
            for _ in waiting:
                queue.wake(MODEL)
                await settle()
            turn = [name[0] for name in served[round_begins:]]
            assert set(turn) == waiting, "each account that waits has one turn in a round"
            left.subtract(turn)
        for name in set(accounts):
            order = [int(each[1:]) for each in served if each[0] == name]
            assert order == sorted(order)

    run(test)


def test_who_could_not_use_its_turn_is_next_again() -> None:
    async def test() -> None:
        queue, served = Queue[str](100), list[str]()
        await line_up(queue, ["b1"], served)
        with queue.place(MODEL, "a", first=True) as turn:
            queue.wake(MODEL)
            assert turn.done()
        queue.wake(MODEL)
        await settle()
        assert served == ["b1"]

    run(test)


def test_when_it_is_full_nobody_holds_all_of_it() -> None:
    async def test() -> None:
        queue, served = Queue[str](3), list[str]()
        tasks = await line_up(queue, ["a1", "a2", "a3"], served)
        with pytest.raises(QueueFull), queue.place(MODEL, "a", first=False):
            pass
        more = await line_up(queue, ["b1"], served)
        assert isinstance(tasks[2].exception(), QueueFull), "the newest of the account with the most"
        with pytest.raises(QueueFull), queue.place(MODEL, "b", first=False):
            pass
        assert len(queue) == 3
        for task in [*tasks, *more]:
            task.cancel()
        await asyncio.gather(*tasks, *more, return_exceptions=True)
        assert len(queue) == 0, "who leaves gives up the place"

    run(test)


def test_a_queue_of_none() -> None:
    async def test() -> None:
        with pytest.raises(QueueFull), Queue[str](0).place(MODEL, "a", first=False):
            pass

    run(test)


def test_a_budget_is_a_share_of_requests_and_a_reserve() -> None:
    budget = Budget(0.2, 2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(5):
        budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]
    for _ in range(100):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False], "no more is saved than the reserve"


def test_a_hedge_waits_for_the_95th_percentile_and_for_enough_to_know_it() -> None:
    hedging = Hedging(0.1)
    for n in range(NEEDED - 1):
        hedging.note("m", n / 100, stream=True)
    assert hedging.after_s("m", stream=True) is None
    hedging.note("m", 9.0, stream=True)
    assert hedging.after_s("m", stream=True) == 9.0
    for n in range(1000):
        hedging.note("m", n / 1000, stream=True)
    assert hedging.after_s("m", stream=True) == pytest.approx(0.987, abs=0.01), "of the last 256"
    assert hedging.after_s("m", stream=False) is None


def test_lines_do_not_stand_in_each_others_way() -> None:
    async def test() -> None:
        queue = Queue[str](10)
        with queue.place("one", "a", first=False) as mine, queue.place("other", "b", first=False) as other:
            queue.wake("other")
            assert (mine.done(), other.done()) == (False, True)

    run(test)
