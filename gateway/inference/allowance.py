"""Keeps a stream within its credit: extends its hold ahead of what is produced, and says when there is no more.

A stream begins with a hold for its prompt and a first step of its answer, not for the longest answer there could be:
many streams then fit into a small balance, and each still pays from credit that was set aside before.
"""

import sys

from gateway.inference.meter import Meter
from gateway.inference.settlement import Settlement

STEPS_AHEAD = 4
"""The next step is asked for when a quarter of a step is left, so that the stream need not wait for it."""


class Allowance:
    def __init__(self, settlement: Settlement, output_tokens_max: int, step: int) -> None:
        self._settlement = settlement
        self._output_tokens_max = output_tokens_max
        self._step = step
        self.ask_at = self._next()
        """From so many tokens on `covers` must be asked."""

    async def covers(self, meter: Meter) -> bool:
        """Whether the worker may go on; False: all that could be held is used up.

        Raises:
            StorageUnavailable, ProcessLost: it cannot be known, so the stream cannot go on.
        """
        produced, held = meter.output_tokens, self._settlement.output_tokens_held
        if await self._settlement.extend(min(self._step, self._output_tokens_max - held)):
            self.ask_at = self._next()
        else:
            self.ask_at = held  # asked once more at the very end: somebody may top the account up
        return produced < self._settlement.output_tokens_held

    def _next(self) -> int:
        """Never, once all is held that the answer may have: the worker's own `max_tokens` ends it."""
        held = self._settlement.output_tokens_held
        return sys.maxsize if held >= self._output_tokens_max else held - self._step // STEPS_AHEAD
