"""Watches what a worker sends and knows, at any moment, what it took: exact when the worker says, else estimated.

Peeks before it parses: most chunks of a stream are passed on as they came (0.2 us instead of 5).
"""

import re

from gateway.catalog.types import TokenCounts
from gateway.errors import WorkerFailed
from gateway.inference.decode import decode
from gateway.inference.events import Event, Usage
from gateway.metering.types import Source
from gateway.tokens.types import PromptBound

_NEEDS_PARSING = re.compile(rb'"(?:usage|timings|error)"\s*:\s*[{"]|"finish_reason"\s*:\s*"')
"""Inside a JSON string every quote is escaped, so a model cannot write any of these into its answer."""
_EMPTY_DELTA = re.compile(rb'"content"\s*:\s*(?:""|null)[,}]')


class Meter:
    """One answer's counts.  `bound` caps them: nobody pays for more than was held, whatever a worker says."""

    def __init__(self, bound: PromptBound, *, template_tokens_max: int, output_tokens_max: int) -> None:
        self._input_max = bound.text_tokens_max + bound.image_tokens_max + template_tokens_max
        self._image_max = bound.image_tokens_max
        self._output_max = output_tokens_max
        self._usage: Usage | None = None
        self._final_usage: Usage | None = None
        self._deltas = 0
        self.finished = False

    def observe(self, payload: bytes) -> Event | None:
        """Takes note of one chunk; returns it decoded if it had to be.

        Raises:
            WorkerFailed: an error, or something that is no completion.
        """
        if not payload.startswith(b"{"):
            raise WorkerFailed(
                "the worker sent something that is no completion; nothing was charged", work_started=True
            )
        if _NEEDS_PARSING.search(payload) is None:
            self._deltas += _EMPTY_DELTA.search(payload) is None
            return None
        return self.note(decode(payload))

    def note(self, event: Event) -> Event:
        """Takes note of a decoded chunk, or of a whole answer."""
        if event.usage is not None:
            self._usage = event.usage
            if event.usage.fields:
                self._final_usage = event.usage
        for delta in event.deltas:
            self._deltas += bool(delta.text or delta.reasoning or delta.tool_calls)
            self.finished = self.finished or delta.finish_reason is not None
        return event

    @property
    def nothing_delivered(self) -> bool:
        return self._deltas == 0

    @property
    def worker_fields(self) -> dict[str, object]:
        """The worker's own `usage`, in its own words; empty if it sent none."""
        return {} if self._final_usage is None else self._final_usage.fields

    @property
    def source(self) -> Source:
        return "estimated" if self._usage is None else "worker"

    def counts(self) -> TokenCounts:
        """So far.

        Without any word from the worker: one token per chunk relayed and none of prompt, which is less than was
        used and is marked `estimated`; issue B counts them.
        """
        usage = self._usage
        if usage is None:
            return TokenCounts(output_tokens=min(self._deltas, self._output_max))
        inputs = min(usage.input_tokens, self._input_max)
        outputs = min(usage.output_tokens, self._output_max)
        images = self._image_max if usage.image_tokens is None else usage.image_tokens
        return TokenCounts(
            input_tokens=inputs,
            input_image_tokens=min(images, self._image_max, inputs),
            input_cached_tokens=min(usage.cached_tokens, inputs),
            output_tokens=outputs,
            output_reasoning_tokens=min(usage.reasoning_tokens or 0, outputs),
        )
