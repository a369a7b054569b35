from typing import Literal

import msgspec

Kind = Literal["openai", "vllm", "sglang", "llamacpp", "ollama", "mistral"]
"""`openai`: anything compatible that did not say more about itself."""


DRAINED_KINDS: frozenset[Kind] = frozenset({"mistral"})
"""Kinds that go on generating, and bill it, when their client leaves: they are read to the end (DESIGN section 4)."""


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A server that generates.  `models` maps a catalogue model's id to the worker's own name for it."""

    name: str
    url: str
    kind: Kind = "openai"
    models: dict[str, str] = {}
    api_key: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator changed: a worker added (`url`), or the state of one that is configured."""

    name: str
    url: str | None = None
    models: dict[str, str] = {}
    cordoned: bool = False
    created_us: int


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: from the request to the first byte of the answer; between two chunks of it; in all."""

    first_byte_s: float
    chunk_gap_s: float
    request_s: float

    def after(self, seconds: float) -> "Timeouts":
        """What is left when so much time has passed."""
        left = max(0.0, self.request_s - seconds)
        return Timeouts(
            first_byte_s=min(self.first_byte_s, left), chunk_gap_s=self.chunk_gap_s, request_s=left
        )
