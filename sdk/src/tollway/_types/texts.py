"""Embeddings, counts and estimates."""

from __future__ import annotations

import msgspec

from tollway._money import Money
from tollway._types.chat import TokenUsage


class Embeddings(msgspec.Struct, frozen=True):
    """One vector for each input, in its order.  `request_id` names the receipt.

    Example: `len(client.embeddings.create(model="mistral-embed-2312", input=["toll", "road"]).vectors)` is 2.
    """

    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: TokenUsage
    request_id: str

    @property
    def cost(self) -> Money:
        """Exact: what the account was charged.  Raises TollwayError if the answer did not say."""
        return self.usage.cost


class Tokenized(msgspec.Struct, frozen=True):
    """How many tokens a prompt takes.  Image tokens are part of `prompt_tokens`.

    `default_system_prompt_tokens` come on top when the request is sent; `images_unread` pictures are links, counted as
    the most that any picture takes; `tokens` are the ids, if they were asked for.
    """

    prompt_tokens: int
    text_tokens: int = 0
    image_tokens: int = 0
    images_unread: int = 0
    default_system_prompt_tokens: int = 0
    max_context_length: int | None = None
    model: str = ""
    source: str = ""
    tokens: tuple[int, ...] | None = None


class Tier(msgspec.Struct, frozen=True):
    """Where a token class stands this month; `up_to_tokens` is where the next discount begins (None: the last)."""

    tokens_this_month: int
    discount_percent: int
    up_to_tokens: int | None = None


class Estimate(msgspec.Struct, frozen=True):
    """What a request would cost, default system prompt included.  `max_tokens` is the longest answer there could be.

    Made offline, without the gateway, it knows tokens, and money only where it was given prices.
    """

    prompt_tokens: int
    model: str = ""
    text_tokens: int = 0
    image_tokens: int = 0
    max_tokens: int = 0
    cost_max_nanousd: int | None = None
    likely_completion_tokens: int | None = None
    cost_likely_nanousd: int | None = None
    available_nanousd: int | None = None
    affordable: bool | None = None
    affordable_max_tokens: int | None = None
    tiers: dict[str, Tier] = {}
    price_version: int | None = None

    @property
    def cost_max(self) -> Money | None:
        """The most it could cost: the prompt and the longest answer, at list price.  None offline without prices."""
        return None if self.cost_max_nanousd is None else Money(self.cost_max_nanousd)

    @property
    def cost_likely(self) -> Money | None:
        """With an answer as long as this account's last ones from the model; None if there were none."""
        return None if self.cost_likely_nanousd is None else Money(self.cost_likely_nanousd)

    @property
    def available(self) -> Money | None:
        """What the account has left; None offline."""
        return None if self.available_nanousd is None else Money(self.available_nanousd)
