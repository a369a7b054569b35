"""Which worker is asked first, and how the bad ones come last: pure functions and a circuit breaker on a settable clock."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway.workers.choose import order
from gateway.workers.health import (
    FAILURES_MAX,
    PAUSE_S_MAX,
    PAUSE_S_MIN,
    SLOW_START_S,
    SLOW_START_SHARE,
    Health,
)
from gateway.workers.types import Worker

WORKERS = [Worker(name=str(n), url=f"http://{n}") for n in range(6)]
NAMES = st.dictionaries(st.sampled_from("012345"), st.integers(0, 2))
WORK = st.dictionaries(st.sampled_from("012345"), st.integers(0, 9))


@given(
    st.lists(st.sampled_from(WORKERS), unique_by=lambda worker: worker.name, min_size=1),
    NAMES,
    WORK,
    st.integers(0, 2**32),
)
def test_a_better_rank_comes_first_and_nobody_is_forgotten(
    candidates: list[Worker], ranks: dict[str, int], work: dict[str, float], seed: int
) -> None:
    found = order(candidates, ranks, work, Random(seed))
    assert sorted(worker.name for worker in found) == sorted(worker.name for worker in candidates)
    best = min(ranks.get(worker.name, 0) for worker in candidates)
    assert ranks.get(found[0].name, 0) == best
    rest = [ranks.get(worker.name, 0) for worker in found[1:]]
    assert rest == sorted(rest)


@given(NAMES, st.integers(0, 2**32))
def test_of_two_the_one_with_less_to_do(work: dict[str, float], seed: int) -> None:
    first, second = order(WORKERS[:2], {}, work, Random(seed))
    assert work.get(first.name, 0) <= work.get(second.name, 0)


def test_two_choices_spread_better_than_one() -> None:
    """10,000 requests on six workers that never finish: the fullest has hardly more than the emptiest."""
    chance, work = Random(1), dict.fromkeys("012345", 0.0)
    for _ in range(10_000):
        work[order(WORKERS, {}, work, chance)[0].name] += 1
    assert max(work.values()) - min(work.values()) <= 10


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_worker_that_fails_again_and_again_is_out_until_a_probe_succeeds() -> None:
    clock = Clock()
    health = Health(clock)
    for _ in range(FAILURES_MAX - 1):
        health.failed("a")
    assert health.rank("a") == 0, "not yet"
    health.failed("a")
    assert (health.is_open("a"), health.rank("a"), health.wants_probe("a")) == (True, 2, False)
    clock.now += PAUSE_S_MIN
    assert health.wants_probe("a")
    health.failed("a")
    clock.now += PAUSE_S_MIN
    assert not health.wants_probe("a"), "the pause has doubled"
    clock.now += PAUSE_S_MIN
    assert health.wants_probe("a")
    health.succeeded("a")
    assert (health.rank("a"), health.wants_probe("a")) == (0, False)
    assert health.share("a") == SLOW_START_SHARE
    clock.now += SLOW_START_S / 2
    assert SLOW_START_SHARE < health.share("a") < 1
    clock.now += SLOW_START_S
    assert health.share("a") == 1


def test_the_pause_has_a_limit_and_one_success_forgives() -> None:
    clock = Clock()
    health = Health(clock)
    for _ in range(30):
        health.failed("a")
    assert health.of("a").pause_s == PAUSE_S_MAX
    health.succeeded("a")
    health.failed("a")
    assert health.rank("a") == 0


def test_a_busy_worker_comes_after_the_others_for_as_long_as_it_said() -> None:
    clock = Clock()
    health = Health(clock)
    health.busy("a", 5)
    assert (health.rank("a"), health.is_open("a")) == (1, False)
    clock.now += 5
    assert health.rank("a") == 0
