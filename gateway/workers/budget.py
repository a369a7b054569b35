"""How much extra work a gateway may make: second attempts and hedges, as a share of its requests.

Without one, a failure of everything is answered with three times the load (retry storms; Finagle's retry budget).
"""

RETRY_SHARE = 0.2
RETRY_RESERVE = 100
"""Second attempts: as many at once as a worker with a hundred requests has when it dies, then one for five requests."""


class Budget:
    """`share` of a token comes with each request; one is spent by each extra attempt; `reserve` are there at the start."""

    def __init__(self, share: float, reserve: float) -> None:
        self._share = share
        self._left = self._most = reserve

    def earn(self) -> None:
        """A request came."""
        self._left = min(self._most, self._left + self._share)

    def spend(self) -> bool:
        """Whether one more attempt may be made."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
