"""Top-ups, the rule of automatic ones, and invoices."""

from typing import Literal

import msgspec

from gateway.api.schemas.shapes import Count, GivenUsd, Instant, NanoUsd, Usd, money
from gateway.billing.types import Sent
from gateway.invoices.types import Drawn, Invoice, InvoiceLine, LineKind
from gateway.invoices.words import line_words
from gateway.kit.clock import rfc3339
from gateway.kit.money import NANOS_PER_CENT
from gateway.payments.types import AutoTopUp, Payment, TopUp, TopUpEnd, TopUpKind, TopUpState, state_of

InvoiceState = Literal[
    "pending", "carried", "settled", "finalized", "failed", "uncollectible", "void", "paid"
]
"""`pending`: on its way; `carried`: too small, a line of the next one; `settled`: there was nothing to pay."""


class NewTopUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Credit to order, in whole cents: $5 to $10,000, before tax."""

    amount_usd: GivenUsd


class NewAutoTopUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When less than `below_usd` is left, the saved card is charged `amount_usd`, in a day (UTC) `daily_max_usd` at most."""

    below_usd: GivenUsd
    amount_usd: GivenUsd
    daily_max_usd: GivenUsd


class TopUpInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An order of credit.  It is credit once it is `paid`."""

    id: str
    kind: TopUpKind
    state: TopUpState
    amount_nanousd: NanoUsd
    amount_usd: Usd
    created_at: Instant
    paid_at: Instant | None


class OrderedTopUp(TopUpInfo, frozen=True, kw_only=True):
    """With the page of Stripe's where somebody pays it, within 24 hours."""

    url: str


class AutoTopUpInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The rule.  `paused_why`: why nothing is tried until it is set anew."""

    below_nanousd: NanoUsd
    below_usd: Usd
    amount_nanousd: NanoUsd
    amount_usd: Usd
    daily_max_nanousd: NanoUsd
    daily_max_usd: Usd
    since: Instant
    by: str
    paused_why: str | None


class RemovedAutoTopUp(msgspec.Struct, frozen=True):
    """`removed`: nothing is charged by itself."""

    removed: bool


class InvoiceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A month's invoice.  `total` is in whole cents, before tax; `owed` exact; `rounding` what is between them.

    `first_receipt` to `last_receipt` are places in the account's chain.
    """

    id: str
    account_id: str
    month: str
    state: InvoiceState
    total_nanousd: NanoUsd
    total_usd: Usd
    owed_nanousd: NanoUsd
    owed_usd: Usd
    rounding_nanousd: NanoUsd
    rounding_usd: Usd
    first_receipt: Count | None
    last_receipt: Count | None
    created_at: Instant
    number: str | None
    url: str | None
    pdf: str | None


class InvoiceLineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`amount` is in whole cents, `cost` exact; negative what lessens the bill.  `ref`: the grant, or the invoice carried on."""

    kind: LineKind
    description: str
    amount_nanousd: NanoUsd
    amount_usd: Usd
    cost_nanousd: NanoUsd
    cost_usd: Usd
    model: str | None
    token_class: str | None
    discount_percent: int
    tokens: Count
    price_nanousd_per_mtok: NanoUsd
    ref: str | None


class InvoiceWithLines(InvoiceInfo, frozen=True, kw_only=True):
    """Line by line."""

    lines: list[InvoiceLineInfo]


def top_up_info(top_up: TopUp, payment: Payment | None, end: TopUpEnd | None) -> TopUpInfo:
    return TopUpInfo(
        id=top_up.id,
        kind=top_up.kind,
        state=state_of(payment, end),
        **money("amount", top_up.cents * NANOS_PER_CENT),
        created_at=rfc3339(top_up.created_us),
        paid_at=None if payment is None else rfc3339(payment.at_us),
    )


def ordered(top_up: TopUp, url: str) -> OrderedTopUp:
    return OrderedTopUp(**msgspec.structs.asdict(top_up_info(top_up, None, None)), url=url)


def auto_top_up_info(rule: AutoTopUp) -> AutoTopUpInfo:
    return AutoTopUpInfo(
        **money("below", rule.below_nanousd),
        **money("amount", rule.cents * NANOS_PER_CENT),
        **money("daily_max", rule.daily_cents_max * NANOS_PER_CENT),
        since=rfc3339(rule.since_us),
        by=rule.by,
        paused_why=rule.paused_why,
    )


def invoice_info(drawn: Drawn, sent: Sent | None) -> InvoiceInfo:
    invoice: Invoice = drawn.invoice
    return InvoiceInfo(
        id=invoice.id,
        account_id=invoice.account_id,
        month=invoice.month,
        state=drawn.state or "pending",
        **money("total", invoice.total_cents * NANOS_PER_CENT),
        **money("owed", invoice.owed_nanousd),
        **money("rounding", invoice.rounding_nanousd),
        first_receipt=invoice.first_seq,
        last_receipt=invoice.last_seq,
        created_at=rfc3339(invoice.created_us),
        number=sent.number if sent else None,
        url=sent.url if sent else None,
        pdf=sent.pdf if sent else None,
    )


def invoice_with_lines(drawn: Drawn, sent: Sent | None) -> InvoiceWithLines:
    lines = [_line_info(line) for line in drawn.lines]
    return InvoiceWithLines(**msgspec.structs.asdict(invoice_info(drawn, sent)), lines=lines)


def _line_info(line: InvoiceLine) -> InvoiceLineInfo:
    return InvoiceLineInfo(
        kind=line.kind,
        description=line_words(line),
        **money("amount", line.cents * NANOS_PER_CENT),
        **money("cost", line.cost_nanousd),
        model=line.model or None,
        token_class=line.token_class or None,
        discount_percent=line.discount_percent,
        tokens=line.tokens,
        price_nanousd_per_mtok=line.price_nanousd_per_mtok,
        ref=line.ref or None,
    )
