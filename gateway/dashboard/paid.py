"""What the page Billing says of cards: what was paid and what came of it, invoices, the rule of automatic top-ups, and what is wrong."""

from typing import Any

import msgspec

from gateway.accounts.store import list_suspensions
from gateway.billing import store as billing
from gateway.errors import NotFound
from gateway.invoices import store as invoices
from gateway.invoices.types import Drawn, State
from gateway.kit.db import ReadConn
from gateway.payments import store as payments
from gateway.payments.book import owed
from gateway.payments.types import Payment, Standing, TopUp, TopUpEnd, TopUpState, state_of
from gateway.statements.words import month_name

SHOWN_MAX = 50
INVOICE_WORDS: dict[State | None, tuple[str, str]] = {
    None: ("on its way", ""),
    "carried": ("carried on", ""),
    "settled": ("nothing to pay", "good"),
    "finalized": ("open", "warn"),
    "failed": ("payment failed", "bad"),
    "uncollectible": ("given up", "bad"),
    "void": ("void", ""),
    "paid": ("paid", "good"),
}
"""Of an invoice: a word, and how it is shown."""
TOP_UP_WORDS: dict[TopUpState, tuple[str, str]] = {
    "waiting": ("not paid yet", "warn"),
    "paid": ("booked", "good"),
    "expired": ("not paid in time", ""),
    "failed": ("failed", "bad"),
}
ENDED_WORDS = {
    "won": ("won: the money is back", "good"),
    "failed": ("did not arrive: the money is back", "good"),
}


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came, that went, or that did neither.  `state`: a word, and how it is shown."""

    at_us: int
    what: str
    cents: int
    """Negative: it went back."""
    state: tuple[str, str]
    ref: str


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """A top-up that somebody just came back from."""

    top_up: TopUp
    state: TopUpState


def read_top_up(conn: ReadConn, account_id: str, top_up_id: str) -> Coming | None:
    """None: it is none of this account's; an address may say anything."""
    try:
        top_up = payments.find_top_up(conn, top_up_id, account_id)
    except NotFound:
        return None
    payment, end = payments.read_end(conn, top_up_id)
    return Coming(top_up=top_up, state=state_of(payment, end))


def read_paid(conn: ReadConn, account_id: str) -> dict[str, Any]:
    standings = payments.list_standings(conn, account_id)
    customer = billing.find_customer(conn, account_id)
    drawn = list(reversed(invoices.list_drawn(conn, account_id)))[:SHOWN_MAX]
    return {
        "customer": customer,
        "has_card": customer is not None and customer.payment_method_id is not None,
        "rule": payments.find_auto_top_up(conn, account_id),
        "suspensions": list_suspensions(conn, account_id),
        "owed_nanousd": owed(standings),
        "movements": _movements(conn, account_id, standings),
        "invoices": drawn,
        "sent": billing.find_sent(conn, [each.invoice.id for each in drawn]),
        "failed": [each for each in drawn if each.state == "failed"],
        "invoice_words": INVOICE_WORDS,
    }


def _movements(conn: ReadConn, account_id: str, standings: list[Standing]) -> list[Movement]:
    """The newest first."""
    months = {each.invoice.id: each for each in invoices.list_drawn(conn, account_id)}
    found = [_ordered(*each) for each in payments.list_top_ups(conn, account_id, SHOWN_MAX)]
    found += [
        _invoice_paid(each, months.get(each.invoice_id))
        for each in payments.list_payments(conn, account_id)
        if each.invoice_id is not None
    ]
    found += [_went_back(each) for each in standings]
    return sorted(found, key=lambda each: (-each.at_us, each.ref))[:SHOWN_MAX]


def _ordered(top_up: TopUp, payment: Payment | None, end: TopUpEnd | None) -> Movement:
    what = "Automatic top-up" if top_up.kind == "auto" else "Top-up by card"
    at_us = payment.at_us if payment else top_up.created_us
    return Movement(
        at_us=at_us, what=what, cents=top_up.cents, state=TOP_UP_WORDS[state_of(payment, end)], ref=top_up.id
    )


def _invoice_paid(payment: Payment, drawn: Drawn | None) -> Movement:
    what = f"Invoice of {month_name(drawn.invoice.month)}" if drawn else "Invoice"
    return Movement(
        at_us=payment.at_us,
        what=what,
        cents=payment.cents,
        state=("paid", "good"),
        ref=payment.invoice_id or payment.id,
    )


def _went_back(standing: Standing) -> Movement:
    reversal = standing.reversal
    what = {"refund": "Refund", "dispute": "Disputed by the payer's bank"}[reversal.kind]
    state = (
        ENDED_WORDS[standing.end]
        if standing.end
        else ("went back", "warn" if reversal.kind == "refund" else "bad")
    )
    return Movement(at_us=reversal.at_us, what=what, cents=-reversal.cents, state=state, ref=reversal.id)
