"""Which worker is asked?  Pure: no clock, no I/O, no state; chance is given.

Of those in the best class (by rank, then by tier) either the nearest on the ring to the request's conversation that has no
more than its share (`ring.py`), or the least busy of all.  Of all, not of two drawn at random: two choices are for
numbers that many read and that are old, and ours are our own and of now; what others do is smoothed (`gauge.py`), so
that nobody runs after it (ADR 0009; `python -m tests.workers.simulator` measures it).
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
    """One worker as it stands: `tier` is the policy's order; `weight` is its capacity beside others'.

    `busy`: requests that it has, those with long prompts counted as more.  `given`: tokens that it was given lately.
    """

    name: str
    rank: int
    tier: int
    busy: float
    given: float
    weight: float
    queues: bool = False
    """It says that requests wait at it already."""


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
        near = nearest(best, ring, spot, tokens)
        if near is not None:
            return near
    return least_busy(best, chance)


def least_busy(candidates: Sequence[Candidate], chance: Random) -> Candidate:
    """By its capacity, as if it had one more; chance among equals."""
    loads = [(each.busy + 1) / each.weight for each in candidates]
    least = min(loads)
    return chance.choice([each for each, load in zip(candidates, loads, strict=True) if load == least])


def nearest(candidates: Sequence[Candidate], ring: Ring, spot: int, tokens: float) -> Candidate | None:
    """The first from `spot` on around the ring that queues nobody and is within `BOUND` of its share, of requests and of recent tokens."""
    by_name = {each.name: each for each in candidates}
    part = BOUND / sum(each.weight for each in candidates)
    busy_max = part * (sum(each.busy for each in candidates) + 1)
    given_max = part * (sum(each.given for each in candidates) + tokens)
    for name in ring.walk(spot):
        found = by_name.get(name)
        if (
            found is not None
            and not found.queues
            and found.busy <= busy_max * found.weight
            and found.given <= given_max * found.weight
        ):
            return found
    return None
