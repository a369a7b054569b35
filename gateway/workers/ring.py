"""Consistent hashing: workers as points on a circle, and a key's place among them.  Pure.

A worker that comes or goes moves only the keys next to its own points, and every process draws the same circle without
asking anybody: nothing is remembered of a conversation, so memory is bounded by the number of workers.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from hashlib import blake2b

POINTS = 64
"""Of a worker of weight 1: enough that the largest arc is seldom twice the mean."""


def place(*parts: bytes) -> int:
    """A spot on the circle, out of 2^64."""
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return int.from_bytes(digest.digest(), "big")


class Ring:
    def __init__(self, weights: Mapping[str, int]) -> None:
        points = sorted(
            (place(name.encode(), str(number).encode()), name)
            for name, weight in weights.items()
            for number in range(POINTS * weight)
        )
        self._spots = [spot for spot, _ in points]
        self._names = [name for _, name in points]

    def __len__(self) -> int:
        return len(self._spots)

    def walk(self, spot: int) -> Iterator[str]:
        """Every worker once, the nearest first, clockwise."""
        start, seen = bisect_left(self._spots, spot), set()
        for step in range(len(self._names)):
            name = self._names[(start + step) % len(self._names)]
            if name not in seen:
                seen.add(name)
                yield name
