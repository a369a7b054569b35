"""What comes back, as frozen structs.  Unknown fields are ignored, so that an older SDK reads a newer gateway.

Money on the wire is integer nano-dollars (1 USD = 10^9) and, for people, a decimal string; here it is also a `Money`.
Instants are RFC 3339 strings in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from ._errors import TollwayError
from ._money import Money

Message = Mapping[str, object]
"""One message in OpenAI's shape: `{"role": "user", "content": "…"}`."""

GroupBy = Literal["key", "model", "day"]


class ToolCall(msgspec.Struct, frozen=True):
    """A whole tool call; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


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


class Model(msgspec.Struct, frozen=True):
    """A model that has a price.  `max_context_length` is in tokens; prices are nano-dollars per million tokens."""

    id: str
    created: int = 0
    owned_by: str = ""
    description: str = ""
    max_context_length: int | None = None
    aliases: tuple[str, ...] = ()
    capabilities: dict[str, bool] = {}
    prices_nanousd_per_mtok: dict[str, int] = {}


class Grant(msgspec.Struct, frozen=True):
    """Credit that was given, in nano-dollars."""

    id: str
    kind: str
    amount_nanousd: int
    amount_usd: str = ""
    created_at: str = ""
    expires_at: str | None = None

    @property
    def amount(self) -> Money:
        return Money(self.amount_nanousd)


class Credits(msgspec.Struct, frozen=True):
    """An account's balance, in nano-dollars.  `available` = granted + credit_limit - settled - held.

    Settled is what was charged; held is set aside for requests that are running, and for moments in advance.
    `remaining` does not subtract it.
    """

    account_id: str
    granted_nanousd: int
    settled_nanousd: int
    held_nanousd: int
    credit_limit_nanousd: int
    available_nanousd: int
    remaining_nanousd: int = 0
    granted_usd: str = ""
    settled_usd: str = ""
    held_usd: str = ""
    credit_limit_usd: str = ""
    available_usd: str = ""
    remaining_usd: str = ""
    grants: tuple[Grant, ...] = ()

    @property
    def available(self) -> Money:
        """What can still be spent."""
        return Money(self.available_nanousd)

    @property
    def remaining(self) -> Money:
        """What is not yet spent; running requests hold some of it."""
        return Money(self.remaining_nanousd)


class ReceiptUsage(msgspec.Struct, frozen=True):
    """Image and cached tokens are part of input; reasoning tokens are part of output."""

    input_tokens: int
    output_tokens: int
    input_image_tokens: int = 0
    input_cached_tokens: int = 0
    output_reasoning_tokens: int = 0


class ReceiptLine(msgspec.Struct, frozen=True):
    """cost = tokens x price / 10^6, rounded up to a nano-dollar; the price is for a million tokens."""

    token_class: str
    tokens: int
    price_nanousd_per_mtok: int
    cost_nanousd: int
    price_usd_per_mtok: str = ""
    cost_usd: str = ""

    @property
    def cost(self) -> Money:
        return Money(self.cost_nanousd)


class Receipt(msgspec.Struct, frozen=True):
    """The bill of one request, line by line; its lines add up to its cost."""

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
    cost_usd: str = ""

    @property
    def cost(self) -> Money:
        """Exact: what the account was charged."""
        return Money(self.cost_nanousd)


class UsageRow(msgspec.Struct, frozen=True):
    """Sums over the requests of one key, model or day (UTC); of those three, only the one grouped by is named."""

    group: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost_nanousd: int
    input_image_tokens: int = 0
    input_cached_tokens: int = 0
    output_reasoning_tokens: int = 0
    cost_usd: str = ""
    key_id: str | None = None
    key_name: str | None = None
    model: str | None = None
    day: str | None = None

    @property
    def cost(self) -> Money:
        """Exact: what the account was charged for these requests."""
        return Money(self.cost_nanousd)
