"""When a second worker is asked although the first has not failed: after the p95 to first byte, for a share of requests.

Opt-in (`hedge_share`).  "The Tail at Scale" (Dean, Barroso 2013): a hedge after the 95th percentile cuts the tail for a
few per cent more work.
"""

from collections import deque

from gateway.workers.budget import Budget

KEPT = 256
NEEDED = 20
"""With fewer first bytes seen there is no percentile worth the name, and no hedge."""
PERCENTILE = 0.95
RESERVE = 4


class Hedging:
    """The first bytes of each model's answers, streamed and whole apart, and what may still be spent on hedges."""

    def __init__(self, share: float) -> None:
        self.budget = Budget(share, RESERVE)
        self._seconds: dict[tuple[str, bool], deque[float]] = {}

    def note(self, model_id: str, seconds: float, *, stream: bool) -> None:
        """An answer began after so long."""
        self._seconds.setdefault((model_id, stream), deque(maxlen=KEPT)).append(seconds)

    def after_s(self, model_id: str, *, stream: bool) -> float | None:
        """How long to wait before a second worker is asked; None: too little is known."""
        seen = sorted(self._seconds.get((model_id, stream), ()))
        return seen[int(len(seen) * PERCENTILE)] if len(seen) >= NEEDED else None
