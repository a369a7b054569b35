"""Streams whose client has left but whose upstream goes on, and bills it (DESIGN section 4: the Mistral API).

They are read in the background to the usage that the upstream will charge us for.  Bounded in number and in time:
beyond the bounds a stream is cut and settled by what was relayed, marked `estimated` or `counted`.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from gateway.workers.types import DRAINED_KINDS, Kind

DRAINS_MAX = 64
DRAIN_S_MAX = 120.0


class Drains:
    """Owns the background tasks: none is dropped, all are ended at shutdown."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, work: Coroutine[Any, Any, None], kind: Kind) -> bool:
        """Whether the work was taken over; if not, it was never begun."""
        if kind not in DRAINED_KINDS or len(self._tasks) >= DRAINS_MAX:
            work.close()
            return False
        task = asyncio.create_task(self._bounded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _bounded(self, work: Coroutine[Any, Any, None]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S_MAX):
                await work

    async def close(self) -> None:
        """Cuts what is still running; each settles what it has heard."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
