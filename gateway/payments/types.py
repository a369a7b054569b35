from typing import Literal

import msgspec

TopUpKind = Literal["checkout", "auto"]
TopUpEnd = Literal["expired", "failed"]
TopUpState = Literal["waiting", "paid", "expired", "failed"]
ReversalKind = Literal["refund", "dispute"]
ReversalEnd = Literal["won", "failed"]
"""A dispute that we won, a refund that did not arrive: the money is back, and so is the credit."""


class TopUp(msgspec.Struct, frozen=True, kw_only=True):
    """An order of credit.  It is never changed: its payment, or how else it ended, is a row of its own."""

    id: str
    account_id: str
    kind: TopUpKind
    cents: int
    """US cents, before tax."""
    by: str
    """Who ordered it: a person, a key, or the account's own rule (auto)."""
    created_us: int


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """Money that arrived, for a top-up or for an invoice, and the credit that it became."""

    id: str
    """Stripe's PaymentIntent: one of them is booked once."""
    account_id: str
    top_up_id: str | None = None
    invoice_id: str | None = None
    cents: int
    """Before tax."""
    grant_id: str | None = None
    """None: it was an invoice of nothing that the ledger still knew as owed."""
    at_us: int


class Reversal(msgspec.Struct, frozen=True, kw_only=True):
    """Money that went back to the payer."""

    id: str
    """Stripe's refund or dispute."""
    kind: ReversalKind
    payment_id: str
    account_id: str
    cents: int
    at_us: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A reversal, what was taken back for it so far, and how it ended if it did."""

    reversal: Reversal
    taken_nanousd: int
    end: ReversalEnd | None


class AutoTopUp(msgspec.Struct, frozen=True, kw_only=True):
    """An account's rule: when less than `below_nanousd` is left, its saved card pays `cents`; at most `daily_cents_max` a day (UTC)."""

    account_id: str
    below_nanousd: int
    cents: int
    daily_cents_max: int
    by: str
    since_us: int
    paused_why: str | None = None
    """Its last payment was declined: nothing is tried again until somebody saves the rule anew."""


def state_of(payment: Payment | None, end: TopUpEnd | None) -> TopUpState:
    """Of a top-up.  One that was paid after all is paid, whatever it was taken for before."""
    return "paid" if payment is not None else end or "waiting"
