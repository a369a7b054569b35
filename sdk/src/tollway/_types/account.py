"""What an account sees of itself: models, credits, receipts, usage, keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Generic, Literal, TypedDict, TypeVar

import msgspec

from tollway._money import Money

T = TypeVar("T")

GroupBy = Literal["key", "project", "model", "day"]


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
    default_system_prompt: tuple[dict[str, object], ...] = ()
    """What is said to a reasoning model where a request has no system message, as a message's content parts."""


class Grant(msgspec.Struct, frozen=True):
    """Credit that was given, in nano-dollars.  `left` is said while there is some."""

    id: str
    kind: str
    amount_nanousd: int
    amount_usd: str = ""
    created_at: str = ""
    expires_at: str | None = None
    left_nanousd: int | None = None
    left_usd: str | None = None
    priority: int = 0
    reason: str = ""

    @property
    def amount(self) -> Money:
        """What was given; negative if it was taken back."""
        return Money(self.amount_nanousd)

    @property
    def left(self) -> Money:
        """What of it is not yet spent; nothing of one that is spent or expired."""
        return Money(self.left_nanousd or 0)


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
    free_tier_renews_at: str | None = None
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
    """One token class of a bill: tokens x price / 10^6, less the discount, rounded up to a nano-dollar.

    The price is for a million tokens.
    """

    token_class: str
    tokens: int
    price_nanousd_per_mtok: int
    cost_nanousd: int
    price_usd_per_mtok: str = ""
    cost_usd: str = ""
    discount_percent: int = 0

    @property
    def cost(self) -> Money:
        """Exact: this line's part of the bill."""
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


class Request(msgspec.Struct, frozen=True):
    """One request in a list of them; `client.receipts.get(request_id)` is its whole bill."""

    request_id: str
    created_at: str
    model: str
    key_id: str
    outcome: str
    usage: ReceiptUsage
    cost_nanousd: int
    project_id: str | None = None
    streamed: bool = False
    estimated: bool = False
    cost_usd: str = ""

    @property
    def cost(self) -> Money:
        """Exact: what the account was charged."""
        return Money(self.cost_nanousd)


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some rows of a longer list: iterate over it; ask for what comes `after=page.last_id` while it `has_more`."""

    data: tuple[T, ...]
    has_more: bool = False
    last_id: str | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


class Project(msgspec.Struct, frozen=True):
    """Keys in a group, and its budget: US dollars as decimal strings; None: no limit of its own.

    Days and months are UTC.
    """

    id: str
    account_id: str
    name: str
    created_at: str = ""
    archived_at: str | None = None
    cap_day_usd: str | None = None
    cap_month_usd: str | None = None
    cap_total_usd: str | None = None
    spent_day_usd: str = "0"
    spent_month_usd: str = "0"
    spent_total_usd: str = "0"

    @property
    def spent_day(self) -> Money:
        """What its keys spent together today."""
        return Money.from_usd(self.spent_day_usd)

    @property
    def spent_month(self) -> Money:
        """What its keys spent together this month."""
        return Money.from_usd(self.spent_month_usd)

    @property
    def spent_total(self) -> Money:
        """What its keys ever spent together."""
        return Money.from_usd(self.spent_total_usd)


KeyScope = Literal["chat", "fim", "embeddings", "usage:read", "payments", "keys"]
"""What a key may ask for; `payments`: have a card charged, which no key may without a list; `keys`: make, change, revoke and rotate the account's other keys."""


class KeyMay(TypedDict, total=False):
    """What a key may.  What is left out of a new key is as the key's that makes it, and of a change stays; None: no limit.

    Models are ids or aliases, `ips` addresses and networks (`203.0.113.7`, `10.0.0.0/8`, `2001:db8::/32`).
    """

    scopes: Sequence[KeyScope] | None
    models: Sequence[str] | None
    ips: Sequence[str] | None
    expires_at: datetime | str | None


class Key(msgspec.Struct, frozen=True):
    """A key without its secret.  Caps are US dollars as decimal strings; None: no cap but the account's credit.

    `models`, `ips` and `expires_at` are None without a limit.  The secret before the last rotation works until
    `previous_until`; `last_used_at` is its last metered request, some seconds late.
    """

    id: str
    name: str
    hint: str = ""
    kind: str = "account"
    account_id: str | None = None
    created_at: str = ""
    revoked_at: str | None = None
    cap_day_usd: str | None = None
    cap_month_usd: str | None = None
    cap_total_usd: str | None = None
    project_id: str | None = None
    policy: str | None = None
    manages_keys: bool = False
    scopes: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    ips: tuple[str, ...] | None = None
    expires_at: str | None = None
    previous_until: str | None = None
    last_used_at: str | None = None


class NewKey(Key, frozen=True, kw_only=True):
    """A key with its secret, which is never shown again."""

    key: str
