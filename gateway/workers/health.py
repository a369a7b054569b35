"""How each worker has been doing, from real requests first: a circuit breaker per worker.  Pure but for the clock it is given.

Closed: it is asked.  After `FAILURES_MAX` failures in a row, or a deadline in which nobody heard of it, it is open: it comes last, behind every worker that is closed,
and a probe (`probe.py`) tries it when its pause is over; each failed probe doubles the pause.  When one succeeds it is
closed again, and begins slowly: for `SLOW_START_S` it counts as busier than it is.

Nobody is ever ruled out: the last worker is asked however bad it was, because a refusal helps nobody.
"""

import time
from collections.abc import Callable

import msgspec

FAILURES_MAX = 3
PAUSE_S_MIN = 1.0
PAUSE_S_MAX = 60.0
SLOW_START_S = 10.0
SLOW_START_SHARE = 0.1
"""The part of its fair load that a worker gets in the moment in which it comes back."""


class State(msgspec.Struct):
    """`failures` in a row; `open_until` is the end of the pause, None while it is closed."""

    failures: int = 0
    pause_s: float = 0.0
    open_until: float | None = None
    recovered_at: float = float("-inf")
    heard_at: float = float("-inf")


class Health:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: dict[str, State] = {}
        self._busy_until: dict[tuple[str, str], float] = {}

    def of(self, name: str) -> State:
        return self._states.setdefault(name, State())

    def report(self, name: str, *, well: bool) -> None:
        (self.succeeded if well else self.failed)(name)

    def succeeded(self, name: str) -> None:
        """It answered, and whole; or it understood the request and refused it."""
        state, now = self.of(name), self._clock()
        if state.open_until is not None:
            state.recovered_at = now
        state.failures, state.pause_s, state.open_until, state.heard_at = 0, 0.0, None, now

    def failed(self, name: str) -> None:
        """It broke, was silent past its deadline, or could not be reached."""
        state, now = self.of(name), self._clock()
        state.failures += 1
        state.heard_at = now
        if state.failures >= FAILURES_MAX:
            state.pause_s = min(PAUSE_S_MAX, state.pause_s * 2 or PAUSE_S_MIN)
            state.open_until = now + state.pause_s

    def silent(self, name: str, for_s: float) -> None:
        """A request waited in vain for so long.  If everybody else did too, it is frozen, and out at once."""
        state = self.of(name)
        heard_at = state.heard_at
        if self.silent_for(name) >= for_s:
            state.failures = max(state.failures, FAILURES_MAX - 1)
        self.failed(name)
        state.heard_at = heard_at  # nobody heard of it now, either

    def busy(self, name: str, model_id: str, for_s: float) -> None:
        """It said so (429, 503, its rate limits): no failure, but it gets nothing for this model until then."""
        self._busy_until[name, model_id] = self._clock() + for_s

    def busy_for(self, name: str, model_id: str) -> float:
        """Seconds from now; 0: it is not."""
        until = self._busy_until.get((name, model_id))
        return 0.0 if until is None else max(0.0, until - self._clock())

    def heard(self, name: str) -> None:
        """It began to answer."""
        self.of(name).heard_at = self._clock()

    def silent_for(self, name: str) -> float:
        """Seconds since it was last heard of."""
        return self._clock() - self.of(name).heard_at

    def is_open(self, name: str) -> bool:
        return self.of(name).open_until is not None

    def wants_probe(self, name: str) -> bool:
        open_until = self.of(name).open_until
        return open_until is not None and self._clock() >= open_until

    def is_back_since(self, name: str, at: float) -> bool:
        """Whether it was out and came back after this moment of the clock."""
        return self.of(name).recovered_at > at

    def share(self, name: str) -> float:
        """Of its fair load: less than 1 while it starts slowly."""
        since = self._clock() - self.of(name).recovered_at
        return min(1.0, SLOW_START_SHARE + (1 - SLOW_START_SHARE) * since / SLOW_START_S)
