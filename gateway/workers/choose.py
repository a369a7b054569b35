"""Which worker is asked?  Pure: no clock, no I/O, no state; chance is given.

Of those in the best class (by rank, then by tier) either the one that lies nearest to the conversation on a ring and is not
overloaded (`ring.py`), or the one with the least outstanding tokens by power of two choices: of two drawn at random the
one with less to do.  That is nearly as good as looking at all of them (Mitzenmacher 2001), and processes that do not
know of each other's requests do not all run to the same worker.
"""

from collections.abc import Sequence
from random import Random

import msgspec

from gateway.workers.ring import Ring

FREE, CROWDED, BUSY, OUT = range(4)
"""Ranks.  `CROWDED` has requests waiting and is asked after others; `BUSY` takes none now; `OUT` fails, and comes last."""

BOUND = 1.25
"""A worker that has more than this part of the mean load is passed over on the ring (Mirrokni, Thorup, Zadimoghaddam 2018)."""


class Candidate(msgspec.Struct, frozen=True):
    """One worker as it stands: `tier` is the policy's order; loads are in tokens; `weight` is its capacity."""

    name: str
    rank: int
    tier: int
    outstanding: float
    recent: float
    weight: float

    @property
    def load(self) -> float:
        return (self.outstanding + 1) / self.weight


def best_class(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those of the best rank and tier."""
    best = min((each.rank, each.tier) for each in candidates)
    return [each for each in candidates if (each.rank, each.tier) == best]


def choose(
    candidates: Sequence[Candidate],
    chance: Random,
    *,
    ring: Ring | None = None,
    spot: int = 0,
    tokens: float = 0,
) -> Candidate:
    """One of at least one.  `tokens` are what the request brings."""
    best = best_class(candidates)
    if len(best) == 1:
        return best[0]
    if ring is not None:
        return nearest(best, ring, spot, tokens)
    return min(chance.sample(best, 2), key=lambda each: each.load)


def nearest(candidates: Sequence[Candidate], ring: Ring, spot: int, tokens: float) -> Candidate:
    """The first from `spot` on around the ring whose outstanding and recent tokens are within `BOUND` of its share."""
    by_name = {each.name: each for each in candidates}
    total = sum(each.outstanding + each.recent for each in candidates) + tokens
    share = BOUND * total / sum(each.weight for each in candidates)
    for name in ring.walk(spot):
        found = by_name.get(name)
        if found is not None and found.outstanding + found.recent <= share * found.weight:
            return found
    return min(candidates, key=lambda each: each.load)  # the ring is older than the list of workers
