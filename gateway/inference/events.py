"""What a worker says, as one internal type, whichever dialect it speaks; see decode.py and encode_*.py.

A whole answer is the same type as a chunk of a stream: its deltas are its messages.
"""

from typing import Any, Literal

import msgspec

Dialect = Literal["openai", "mistral"]
"""How a client or a worker spells chat completions: OpenAI's way, or the Mistral API's."""


class ToolDelta(msgspec.Struct, frozen=True):
    index: int
    id: str | None
    name: str | None
    arguments: str


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """What one choice gained.  `reasoning` is the model's thinking, `text` its answer."""

    index: int = 0
    role: str | None = None
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolDelta, ...] = ()
    finish_reason: str | None = None
    logprobs: Any = None


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says it processed.  `fields` are its own words, passed on untouched."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    image_tokens: int | None
    reasoning_tokens: int | None
    fields: dict[str, Any]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created: int
    model: str
    deltas: tuple[Delta, ...] = ()
    usage: Usage | None = None
