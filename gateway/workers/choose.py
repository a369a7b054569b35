"""Which worker is asked?  Pure: no clock, no I/O, no state; chance is given.

Of those in the best class (by rank, then by tier) either the one that has the conversation's cache, if it has no more than
its share (`homes.py`, `ring.py`), or the least busy of all.  Of all, not of two drawn at random: two choices are for
numbers that many read and that are old, and ours are our own and of now; what others do is smoothed (`gauge.py`), so
that nobody runs after it (ADR 0009; `python -m tests.workers.simulator` measures it).
"""

from collections.abc import Sequence
from itertools import chain
from random import Random

import msgspec

from gateway.workers.ring import Ring

FREE, CROWDED, BUSY, OUT = range(4)
"""Ranks.  `CROWDED` has requests waiting and is asked after others; `BUSY` takes none now; `OUT` fails, and comes last."""

BOUND = 1.25
"""A worker that has more than this part of the mean load is passed over on the ring (Mirrokni, Thorup, Zadimoghaddam 2018)."""
SLACK = 1
"""Requests beyond that: with a few in all, a share is a fraction of one."""


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
    queue: float = 0
    """Requests that wait at it, as it says, smoothed."""


def best_class(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those of the best rank and tier."""
    best = min((each.rank, each.tier) for each in candidates)
    return [each for each in candidates if (each.rank, each.tier) == best]


class Conversation(msgspec.Struct, frozen=True):
    """Where a request's cache may lie: on the ring, and, of a conversation that was here before, at its `home`."""

    ring: Ring
    spot: int
    tokens: int
    """What this turn brings."""
    home: str | None = None


def choose(
    candidates: Sequence[Candidate], chance: Random, conversation: Conversation | None = None
) -> Candidate:
    """One of at least one."""
    best = best_class(candidates)
    if len(best) == 1:
        return best[0]
    near = None if conversation is None else nearest(best, conversation)
    return near or least_busy(best, chance)


def least_busy(candidates: Sequence[Candidate], chance: Random) -> Candidate:
    """By its capacity, as if it had one more; chance among equals."""
    loads = [(each.busy + 1) / each.weight for each in candidates]
    least = min(loads)
    return chance.choice([each for each, load in zip(candidates, loads, strict=True) if load == least])


def nearest(candidates: Sequence[Candidate], talk: Conversation) -> Candidate | None:
    """Its home, else the first from its spot on around the ring, that has no more than `BOUND` of its share.

    Of requests at the moment, of tokens given lately, and of those who wait.  None: nobody.
    """
    by_name = {each.name: each for each in candidates}
    part = BOUND / sum(each.weight for each in candidates)
    busy_max = part * (sum(each.busy for each in candidates) + 1)
    given_max = part * (sum(each.given for each in candidates) + talk.tokens)
    queue_max = part * sum(each.queue for each in candidates)
    for name in chain(() if talk.home is None else (talk.home,), talk.ring.walk(talk.spot)):
        found = by_name.get(name)
        if (
            found is not None
            and found.queue <= SLACK + queue_max * found.weight
            and found.busy <= SLACK + busy_max * found.weight
            and found.given <= given_max * found.weight
        ):
            return found
    return None
