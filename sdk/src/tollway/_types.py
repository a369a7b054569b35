"""What comes back, as frozen structs.  Unknown fields are ignored, so that an older SDK reads a newer gateway."""

from __future__ import annotations

from typing import Any

import msgspec

from ._money import Money


class ToolCall(msgspec.Struct, frozen=True):
    """A whole tool call; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


class TokenUsage(msgspec.Struct, frozen=True):
    """Tokens of one answer, and its cost in nano-dollars (1 USD = 10^9)."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    image_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nanousd: int = 0
    credits_remaining_usd: str | None = None

    @property
    def cost(self) -> Money:
        """Exact: what the account was charged."""
        return Money(self.cost_nanousd)


class Choice(msgspec.Struct, frozen=True):
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None


class ChatCompletion(msgspec.Struct, frozen=True):
    """A whole answer.  `request_id` names its receipt."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: TokenUsage
    request_id: str

    @property
    def text(self) -> str:
        """The first choice's text; empty if it only called tools."""
        return self.choices[0].text if self.choices else ""

    @property
    def reasoning(self) -> str:
        return self.choices[0].reasoning if self.choices else ""

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self.choices[0].tool_calls if self.choices else ()

    @property
    def finish_reason(self) -> str | None:
        return self.choices[0].finish_reason if self.choices else None

    @property
    def cost(self) -> Money:
        return self.usage.cost


class TextDelta(msgspec.Struct, frozen=True):
    text: str


class ReasoningDelta(msgspec.Struct, frozen=True):
    text: str


class ToolCallDelta(msgspec.Struct, frozen=True):
    """A piece of a tool call: id and name come with its first piece, `arguments` in pieces."""

    index: int
    id: str | None
    name: str | None
    arguments: str


class Finished(msgspec.Struct, frozen=True):
    finish_reason: str


class Usage(msgspec.Struct, frozen=True):
    """The last event of a stream: what it took and what it cost."""

    usage: TokenUsage


class Model(msgspec.Struct, frozen=True):
    id: str
    created: int = 0
    owned_by: str = ""
    description: str = ""
    max_context_length: int | None = None
    aliases: tuple[str, ...] = ()
    capabilities: dict[str, bool] = {}
    prices_nanousd_per_mtok: dict[str, int] = {}


class Grant(msgspec.Struct, frozen=True):
    id: str
    kind: str
    amount_nanousd: int
    amount_usd: str
    created_at: str
    expires_at: str | None = None


class Credits(msgspec.Struct, frozen=True):
    """An account's balance.  `available` = granted + credit_limit - settled - held."""

    account_id: str
    granted_nanousd: int
    settled_nanousd: int
    held_nanousd: int
    credit_limit_nanousd: int
    available_nanousd: int
    available_usd: str
    grants: tuple[Grant, ...] = ()


class ReceiptUsage(msgspec.Struct, frozen=True):
    """Image and cached tokens are part of input; reasoning tokens are part of output."""

    input_tokens: int
    input_image_tokens: int
    input_cached_tokens: int
    output_tokens: int
    output_reasoning_tokens: int


class ReceiptLine(msgspec.Struct, frozen=True):
    """cost = tokens x price / 10^6, rounded up to a nano-dollar."""

    token_class: str
    tokens: int
    price_nanousd_per_mtok: int
    price_usd_per_mtok: str
    cost_nanousd: int
    cost_usd: str


class Receipt(msgspec.Struct, frozen=True):
    """The bill of one request, line by line."""

    request_id: str
    created_at: str
    model: str
    key_id: str
    outcome: str
    streamed: bool
    estimated: bool
    usage: ReceiptUsage
    lines: tuple[ReceiptLine, ...]
    price_version: int
    cost_nanousd: int
    cost_usd: str

    @property
    def cost(self) -> Money:
        return Money(self.cost_nanousd)


class UsageRow(msgspec.Struct, frozen=True):
    """Sums over the requests of one key, model or day."""

    group: str
    requests: int
    input_tokens: int
    input_image_tokens: int
    input_cached_tokens: int
    output_tokens: int
    output_reasoning_tokens: int
    cost_nanousd: int
    cost_usd: str
    key_id: str | None = None
    key_name: str | None = None
    model: str | None = None
    day: str | None = None

    @property
    def cost(self) -> Money:
        return Money(self.cost_nanousd)


class ListOf(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]


Message = dict[str, Any]
"""One message in OpenAI's shape: `{"role": "user", "content": "…"}`."""
