"""Which worker first?  Pure: no clock, no I/O, no state."""

from collections.abc import Mapping, Sequence

from gateway.workers.types import Worker


def order(candidates: Sequence[Worker], in_flight: Mapping[str, int]) -> list[Worker]:
    """Fewest requests in flight first; ties stay in the order given.

    The others follow, to be asked when the one before cannot be reached.
    """
    return sorted(candidates, key=lambda worker: in_flight.get(worker.name, 0))
