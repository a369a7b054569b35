"""Which worker first?  Pure: no clock, no I/O, no state; chance is given.

The least outstanding tokens by power of two choices: of two workers drawn at random the one with less to do.  Nearly as
good as looking at all of them (Mitzenmacher 2001), and processes that do not know of each other's requests do not all
run to the same worker.
"""

from collections.abc import Mapping, Sequence
from random import Random

from gateway.workers.types import Worker


def order(
    candidates: Sequence[Worker], ranks: Mapping[str, int], work: Mapping[str, float], chance: Random
) -> list[Worker]:
    """All of them, the one to ask first at the head; the others follow, to be asked when those before fail.

    `ranks`: a worker of a lower rank comes before all of a higher one (health.py).  `work`: outstanding tokens, weighted.
    """
    shuffled = list(candidates)
    chance.shuffle(shuffled)
    found = sorted(shuffled, key=lambda worker: (ranks.get(worker.name, 0), work.get(worker.name, 0)))
    best = [worker for worker in shuffled if ranks.get(worker.name, 0) == ranks.get(found[0].name, 0)][:2]
    first = min(best, key=lambda worker: work.get(worker.name, 0))
    found.remove(first)
    return [first, *found]
