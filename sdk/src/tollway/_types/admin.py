"""What an operator sees: accounts, everybody's keys and usage, price books, workers, audits, statements."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from tollway._money import Money
from tollway._types.account import Receipt
from tollway._types.usage import UsageRow

GrantKind = Literal["top_up", "promotion", "correction", "sign_up"]
"""What credit is given for; only a correction may be negative."""
Policy = Literal["local-only", "local-then-mistral", "cheapest", "mistral-only"]
"""Which workers serve a key's requests."""
AdminGroupBy = Literal["account", "key", "project", "model", "day"]


class Account(msgspec.Struct, frozen=True):
    """Who pays."""

    id: str
    name: str
    created_at: str = ""


class CreditLimit(msgspec.Struct, frozen=True):
    """How far an account may go beyond its credit, in nano-dollars; 0: prepaid."""

    account: str
    credit_limit_nanousd: int
    credit_limit_usd: str = ""

    @property
    def credit_limit(self) -> Money:
        """What may be owed, and is invoiced later."""
        return Money(self.credit_limit_nanousd)


class AccountUsage(UsageRow, frozen=True, kw_only=True):
    """Sums over the requests of one account, key, project, model or day (UTC); of those, only the one grouped by is named."""

    account_id: str | None = None
    account_name: str | None = None


class AccountReceipt(Receipt, frozen=True, kw_only=True):
    """The bill of anybody's request, and whose it is."""

    account_id: str


class Tier(msgspec.Struct, frozen=True):
    """A month's tokens up to `up_to_tokens` (None: without end) cost `discount_percent` less."""

    up_to_tokens: int | None
    discount_percent: int


class PricedModel(msgspec.Struct, frozen=True):
    """A model as a price book has it; prices are nano-dollars per million tokens of each class."""

    id: str
    prices: dict[str, int]
    context_tokens: int = 0
    description: str = ""
    aliases: tuple[str, ...] = ()


class PriceBook(msgspec.Struct, frozen=True):
    """A version of all prices, in nano-dollars.  It never changes.  `in_force`: None where it was not said."""

    version: int
    effective_from: str
    sign_up_nanousd: int = 0
    monthly_free_nanousd: int = 0
    tiers: tuple[Tier, ...] = ()
    models: tuple[PricedModel, ...] = ()
    in_force: bool | None = None


class Worker(msgspec.Struct, frozen=True):
    """An inference server.  `in_flight` and `tokens_per_s` (written lately) are of the gateway's process that answered; `running` and `waiting` what it says itself.

    `out`: it failed again and again, and is asked last.  A cordoned one with nothing in flight is drained.
    """

    name: str
    url: str
    kind: str
    models: dict[str, str] = {}
    weight: int = 1
    concurrency_max: int | None = None
    in_flight: int = 0
    tokens_in_flight: int = 0
    tokens_per_s: float = 0.0
    running: float = 0.0
    waiting: float = 0.0
    kv_cache_usage: float = 0.0
    crowded: bool = False
    out: bool = False
    cordoned: bool = False


class Drift(msgspec.Struct, frozen=True):
    """By how many tokens a worker's counts and the gateway's ever differed, over the sample that is counted twice."""

    model: str
    worker: str
    kind: str = ""
    samples: int = 0
    input_differs: int = 0
    input_drift_tokens: int = 0
    input_drift_max: int = 0
    output_differs: int = 0
    output_drift_tokens: int = 0
    output_drift_max: int = 0


class Difference(msgspec.Struct, frozen=True):
    """Something that should be equal and is not; `where` names the row."""

    account: str
    where: str
    problem: str


class LogEntry(msgspec.Struct, frozen=True):
    """`actor` did `action` (`key.revoke`) to `target`; of `before` and `after` there is what differs.

    An actor is an e-mail address, `key:ID NAME`, `cli:USER`, or a program in words.
    """

    id: str
    at: str
    actor: str
    action: str
    target: str
    account_id: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class AuditReport(msgspec.Struct, frozen=True):
    """`ok`: every balance and receipt follows from the immutable rows; else each difference is named."""

    ok: bool
    accounts: int
    events: int
    settled_nanousd: int
    differences: tuple[Difference, ...] = ()

    @property
    def settled(self) -> Money:
        """All that was ever charged."""
        return Money(self.settled_nanousd)


class StatementLine(msgspec.Struct, frozen=True):
    """All tokens of one model, class and discount in the month; `cents` is its cost rounded half up, once."""

    model: str
    token_class: str
    tokens: int
    price_nanousd_per_mtok: int
    cost_nanousd: int
    cents: int
    discount_percent: int = 0

    @property
    def cost(self) -> Money:
        """Exact."""
        return Money(self.cost_nanousd)


class AppliedCredit(msgspec.Struct, frozen=True):
    """Credit that paid a part of the month."""

    grant_id: str
    kind: str
    amount_nanousd: int
    reason: str = ""

    @property
    def amount(self) -> Money:
        """What it paid."""
        return Money(self.amount_nanousd)


class Statement(msgspec.Struct, frozen=True):
    """A month's bill, in nano-dollars and in whole cents.  While it is not `final` the month runs, and it may grow.

    `first_seq`, `last_seq` and `last_hash` say which receipts it covers; None where there are none.
    """

    account_id: str
    account_name: str
    month: str
    final: bool
    requests: int
    lines: tuple[StatementLine, ...]
    total_nanousd: int
    total_cents: int
    rounding_nanousd: int
    applied: tuple[AppliedCredit, ...]
    applied_nanousd: int
    due_cents: int
    begin_at: str = ""
    end_at: str = ""
    price_versions: tuple[int, ...] = ()
    first_seq: int | None = None
    last_seq: int | None = None
    last_hash: str | None = None

    @property
    def total(self) -> Money:
        """Exact, before any rounding."""
        return Money(self.total_nanousd)

    @property
    def due(self) -> Money:
        """What is left to pay, after credit: whole cents."""
        return Money(self.due_cents * 10_000_000)
