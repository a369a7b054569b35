"""What an account pays by card and is billed, and how the gateway's border to Stripe stands."""

from __future__ import annotations

import msgspec

from tollway._money import Money


class TopUp(msgspec.Struct, frozen=True):
    """An order of credit, before tax.  `state`: `waiting`, `paid` (then it is credit), `expired` or `failed`.

    `url`, said once, where it was ordered, is Stripe's page where somebody pays it within 24 hours.
    """

    id: str
    kind: str
    state: str
    amount_nanousd: int
    amount_usd: str = ""
    created_at: str = ""
    paid_at: str | None = None
    url: str | None = None

    @property
    def amount(self) -> Money:
        """What was ordered."""
        return Money(self.amount_nanousd)


class AutoTopUp(msgspec.Struct, frozen=True):
    """A rule, in US dollars: when less than `below_usd` is left, the saved card is charged `amount_usd`, a day at most `daily_max_usd`.

    `paused_why`: its last payment failed, so nothing is tried until it is set again.
    """

    below_usd: str
    amount_usd: str
    daily_max_usd: str
    below_nanousd: int = 0
    amount_nanousd: int = 0
    daily_max_nanousd: int = 0
    since: str = ""
    by: str = ""
    paused_why: str | None = None

    @property
    def amount(self) -> Money:
        """What the card is charged each time."""
        return Money(self.amount_nanousd)


class InvoiceLine(msgspec.Struct, frozen=True):
    """`amount` is in whole cents, `cost` exact; negative what lessens the bill.  `ref`: the grant, or the invoice carried on.

    The price is nano-dollars per million tokens.
    """

    kind: str
    description: str
    amount_nanousd: int
    cost_nanousd: int
    amount_usd: str = ""
    cost_usd: str = ""
    model: str | None = None
    token_class: str | None = None
    discount_percent: int = 0
    tokens: int = 0
    price_nanousd_per_mtok: int = 0
    ref: str | None = None

    @property
    def amount(self) -> Money:
        """What is asked for."""
        return Money(self.amount_nanousd)

    @property
    def cost(self) -> Money:
        """Exact: the sum of what its requests cost."""
        return Money(self.cost_nanousd)


class Invoice(msgspec.Struct, frozen=True):
    """A month's invoice, before tax.  `state`: `pending`, `finalized`, `paid`, `failed`, `carried` (on to the next), `settled`, …

    `lines` are said by `client.invoices.get`.  `first_receipt` to `last_receipt` are places in the account's chain of receipts.
    """

    id: str
    account_id: str
    month: str
    state: str
    total_nanousd: int
    owed_nanousd: int
    rounding_nanousd: int = 0
    total_usd: str = ""
    owed_usd: str = ""
    rounding_usd: str = ""
    first_receipt: int | None = None
    last_receipt: int | None = None
    created_at: str = ""
    number: str | None = None
    url: str | None = None
    pdf: str | None = None
    lines: tuple[InvoiceLine, ...] = ()

    @property
    def total(self) -> Money:
        """What is asked for, in whole cents."""
        return Money(self.total_nanousd)


class PaymentsDifference(msgspec.Struct, frozen=True):
    """Something that the ledger and Stripe do not agree on, or that waits for too long."""

    about: str
    name: str
    words: str
    account_id: str | None = None


class PaymentsReport(msgspec.Struct, frozen=True):
    """What comparing the ledger with Stripe found.  `rounding`: what rounding invoices' lines to cents added, or took."""

    at: str
    since: str = ""
    payments: int = 0
    paid_usd: str = ""
    reversals: int = 0
    reversed_usd: str = ""
    invoices: int = 0
    invoiced_usd: str = ""
    rounding_nanousd: int = 0
    rounding_usd: str = ""
    differences: tuple[PaymentsDifference, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the two agree."""
        return not self.differences


class OutboxEntry(msgspec.Struct, frozen=True):
    """Something that Stripe is still to be told.  `state` `frozen`: a person must look, and may have it tried again."""

    id: str
    kind: str
    account_id: str
    state: str
    created_at: str = ""
    tries: int = 0
    result: str | None = None


class InboxEntry(msgspec.Struct, frozen=True):
    """News of Stripe's that nothing was made of yet, and why."""

    event_id: str
    type: str
    object_id: str
    received_at: str = ""
    tries: int = 0
    outcome: str | None = None


class Suspension(msgspec.Struct, frozen=True):
    """A reason why an account is served nothing that costs: `because_of` is a dispute or an invoice."""

    account_id: str
    because_of: str
    reason: str = ""
    since: str = ""


class PaymentsStatus(msgspec.Struct, frozen=True):
    """How the border to Stripe stands.  `mode`: `off`, `test` or `live`; `report`: the last one, if there is one."""

    mode: str
    outbox_waiting: int = 0
    outbox_frozen: int = 0
    inbox_unhandled: int = 0
    outbox: tuple[OutboxEntry, ...] = ()
    inbox: tuple[InboxEntry, ...] = ()
    suspensions: tuple[Suspension, ...] = ()
    report: PaymentsReport | None = None
