"""Watches what a worker sends: how far it is, what it said it used, and, where it may not say, what it wrote."""

from gateway.errors import WorkerFailed
from gateway.inference.decode import decode
from gateway.inference.events import Event, Usage
from gateway.inference.skim import Skimmed
from gateway.workers.types import Kind

CHARS_PER_TOKEN = 6
"""More than a token usually has: a guess at how far a silent worker is, on the side of letting it go on."""

SAYS_ALL: frozenset[Kind] = frozenset({"vllm", "sglang"})
"""Kinds that report everything on every chunk when asked: what they wrote need not be remembered."""


class Meter:
    def __init__(self, kind: Kind, *, audited: bool = False) -> None:
        self.listens = audited or kind not in SAYS_ALL
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self.usage: Usage | None = None
        """The worker's newest word."""
        self.final_usage: Usage | None = None
        """Its last whole `usage`, in its own words."""
        self.deltas = 0
        """Chunks with something in them: about one token each."""
        self.reasoning_deltas = 0
        self.finish_reason: str | None = None
        self._chars = 0

    def observe(self, payload: bytes) -> Event:
        """Takes note of one chunk; returns it decoded.

        Raises:
            WorkerFailed: an error, or something that is no completion.
        """
        if not payload.startswith(b"{"):
            raise WorkerFailed(
                "the worker sent something that is no completion; nothing was charged", work_started=True
            )
        return self.note(decode(payload))

    def skimmed(self, found: Skimmed) -> None:
        """Takes note of several chunks at once, of a worker that says all itself."""
        if found.usage is not None:
            self.usage = self.final_usage = found.usage
        self.deltas += found.count
        self.reasoning_deltas += len(found.reasoning)
        self._reasoning += found.reasoning

    def note(self, event: Event) -> Event:
        """Takes note of a decoded chunk, or of a whole answer."""
        if event.usage is not None:
            self.usage = event.usage
            if event.usage.fields:
                self.final_usage = event.usage
        for delta in event.deltas:
            self.deltas += bool(delta.text or delta.reasoning or delta.tool_calls)
            self.reasoning_deltas += bool(delta.reasoning)
            self.finish_reason = self.finish_reason or delta.finish_reason
            self._reasoning.append(delta.reasoning)
            self._chars += len(delta.text) + len(delta.reasoning)
            if self.listens:
                self._text.append(delta.text)
                self._text += [(call.name or "") + call.arguments for call in delta.tool_calls]
        return event

    @property
    def finished(self) -> bool:
        return self.finish_reason is not None

    @property
    def output_tokens(self) -> int:
        """How many were produced so far: the worker's word, else one per chunk or per `CHARS_PER_TOKEN` characters."""
        if self.usage is not None:
            return self.usage.output_tokens
        return max(self.deltas, self._chars // CHARS_PER_TOKEN)

    @property
    def heard(self) -> tuple[str, str]:
        """Text (with tool calls) and reasoning so far; no text of kinds that say all themselves."""
        return "".join(self._text), "".join(self._reasoning)
