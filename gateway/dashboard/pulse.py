"""How much comes in at the moment, everywhere: by how much the sums of today grew within the last minute."""

from collections import deque

import msgspec

from gateway.kit.clock import DAY_US
from gateway.kit.db import ReadConn
from gateway.rollups import store as rollups

WINDOW_S = 60.0
SPAN_S_MIN = 1.0
"""Two looks that are closer say nothing."""


class Flow(msgspec.Struct, frozen=True):
    """A second's worth, as the mean over `seconds`."""

    seconds: int
    requests: float
    input_tokens: float
    output_tokens: float


class Counted(msgspec.Struct, frozen=True):
    """At an instant of the monotonic clock: requests, tokens read and tokens written by day."""

    at: float
    by_day: dict[int, tuple[int, int, int]]


class Pulse:
    """Of one process, which looks only while somebody looks at it.  The sums are of all processes, half a second old."""

    def __init__(self) -> None:
        self._looks: deque[Counted] = deque()

    def beat(self, look: Counted) -> Flow | None:
        """The flow up to this look; None: nobody looked within the last minute, so there is nothing to compare it with."""
        while self._looks and self._looks[0].at < look.at - WINDOW_S:
            self._looks.popleft()
        before = self._looks[0] if self._looks else look
        self._looks.append(look)
        seconds = look.at - before.at
        if seconds < SPAN_S_MIN:
            return None
        grown = [
            sum(now[place] - before.by_day.get(day, (0, 0, 0))[place] for day, now in look.by_day.items())
            for place in range(3)
        ]
        return Flow(round(seconds), *(each / seconds for each in grown))


def count(conn: ReadConn, now_us: int, at: float) -> Counted:
    """Of yesterday and today: what began just before midnight ends after it."""
    today = now_us // DAY_US
    found = rollups.sum_by(conn, "day", (today - 1, today + 1), "period")
    by_day = {int(day): (sums.requests, sums.input_tokens, sums.output_tokens) for (day,), sums in found}
    return Counted(at, by_day)
