"""A chat's answer, whole and in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from tollway._errors import TollwayError
from tollway._money import Money

T = TypeVar("T")

Message = Mapping[str, object]
"""One message in OpenAI's shape: `{"role": "user", "content": "…"}`."""


class ToolCall(msgspec.Struct, frozen=True):
    """A whole tool call; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str

    def as_json(self) -> dict[str, Any]:
        """As the API writes it in a message.

        Example: `[call.as_json() for call in answer.tool_calls]`
        """
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function", "function": function}


class TokenUsage(msgspec.Struct, frozen=True):
    """Tokens of one answer, and its cost in nano-dollars.

    Image and cached tokens are part of `prompt_tokens`, reasoning tokens of `completion_tokens`.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    image_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nanousd: int | None = None
    credits_remaining_usd: str | None = None

    @property
    def cost(self) -> Money:
        """Exact: what the account was charged.

        Raises:
            TollwayError: the answer did not say.  An unknown cost is not $0.
        """
        if self.cost_nanousd is None:
            raise TollwayError("the answer does not say what it cost; its receipt does")
        return Money(self.cost_nanousd)


class Choice(msgspec.Struct, frozen=True):
    """One answer to the prompt; the gateway gives exactly one."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None


class ChatCompletion(msgspec.Struct, frozen=True):
    """A whole answer.  `request_id` names its receipt.

    Example: `print(answer.text, answer.cost)` prints `Hello! $0.000046200`.
    """

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: TokenUsage
    request_id: str

    @property
    def text(self) -> str:
        """The answer's text; empty if it only called tools."""
        return self.choices[0].text if self.choices else ""

    @property
    def reasoning(self) -> str:
        """What a reasoning model thought before it answered; else empty."""
        return self.choices[0].reasoning if self.choices else ""

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools it wants called, in its order."""
        return self.choices[0].tool_calls if self.choices else ()

    @property
    def finish_reason(self) -> str | None:
        """`stop`, `length` or `tool_calls`."""
        return self.choices[0].finish_reason if self.choices else None

    @property
    def cost(self) -> Money:
        """Exact: what the account was charged.  Raises TollwayError if the answer did not say."""
        return self.usage.cost

    def as_message(self, *, reasoning: bool = False) -> dict[str, Any]:
        """The answer as a message, to go on with; `reasoning` says whether what it thought goes along, and is billed.

        Example: `messages += [answer.as_message(), {"role": "user", "content": "Why?"}]`
        """
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if reasoning and self.reasoning:
            message["reasoning"] = self.reasoning
        if self.tool_calls:
            message["tool_calls"] = [call.as_json() for call in self.tool_calls]
        return message


class Parsed(ChatCompletion, Generic[T], frozen=True, kw_only=True):
    """A whole answer whose text is a value of the type that was asked for.

    Example: `print(client.chat.parse(Invoice, model=m, messages=page).value.total)`
    """

    value: T


class TextDelta(msgspec.Struct, frozen=True):
    """A piece of the answer's text."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True):
    """A piece of what the model thinks before it answers."""

    text: str


class ToolCallDelta(msgspec.Struct, frozen=True):
    """A piece of the tool call at `index`: id and name come with its first piece, `arguments` in pieces."""

    index: int
    id: str | None
    name: str | None
    arguments: str


class Finished(msgspec.Struct, frozen=True):
    """The answer is complete: `stop`, `length` or `tool_calls`.  Its bill is still to come."""

    finish_reason: str


class Usage(msgspec.Struct, frozen=True):
    """The last event of a stream: what it took and what it cost."""

    usage: TokenUsage


StreamEvent = TextDelta | ReasoningDelta | ToolCallDelta | Finished | Usage
"""What a stream yields; tell them apart with `isinstance`."""
