"""How the bad ones come last and come back: a circuit breaker on a settable clock."""

from gateway.workers.health import (
    FAILURES_MAX,
    PAUSE_S_MAX,
    PAUSE_S_MIN,
    SLOW_START_S,
    SLOW_START_SHARE,
    Health,
)


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
    assert not health.is_open("a"), "not yet"
    health.failed("a")
    assert (health.is_open("a"), health.wants_probe("a")) == (True, False)
    clock.now += PAUSE_S_MIN
    assert health.wants_probe("a")
    health.failed("a")
    clock.now += PAUSE_S_MIN
    assert not health.wants_probe("a"), "the pause has doubled"
    clock.now += PAUSE_S_MIN
    assert health.wants_probe("a")
    health.succeeded("a")
    assert (health.is_open("a"), health.wants_probe("a")) == (False, False)
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
    assert not health.is_open("a")


def test_a_busy_worker_is_busy_for_as_long_as_it_said_and_for_that_model() -> None:
    clock = Clock()
    health = Health(clock)
    health.busy("a", "m", 5)
    assert (health.busy_for("a", "m"), health.busy_for("a", "n"), health.is_open("a")) == (5, 0, False)
    clock.now += 5
    assert health.busy_for("a", "m") == 0


def test_a_worker_that_is_silent_to_everybody_for_a_deadline_is_out_at_once() -> None:
    """Those who began before it fell silent, and gave up before, do not hide that nobody heard of it."""
    clock = Clock()
    health = Health(clock)
    health.heard("a")
    clock.now += 4
    health.silent("a", 5)  # begun a second before it was last heard of
    assert not health.is_open("a"), "others heard of it while this one waited"
    clock.now += 2
    health.silent("a", 5)  # begun a second after
    assert health.is_open("a")


def test_a_worker_that_came_back_is_known_for_it() -> None:
    clock = Clock()
    health = Health(clock)
    begun = clock.now
    for _ in range(FAILURES_MAX):
        health.failed("a")
    assert not health.is_back_since("a", begun)
    clock.now += 1
    health.succeeded("a")
    assert (health.is_back_since("a", begun), health.is_back_since("a", clock.now)) == (True, False)
