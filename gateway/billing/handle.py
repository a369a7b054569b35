"""What each kind of news means.  Every handler asks Stripe how the thing stands now, and books that; again: changes nothing.

What Stripe answers is compared with what was ordered here: account, amount, currency, mode.  What does not fit credits nobody, and says why.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from gateway.billing import store
from gateway.billing.border import Border
from gateway.billing.invoicing import CURRENCY, invoice_changed
from gateway.billing.stripe_objects import Dispute, InvoicePayment, PaymentIntent, Refund, Session
from gateway.errors import Conflict, NotFound
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.payments import store as payments
from gateway.payments.book import book_reversal, book_top_up, end_reversal
from gateway.payments.types import Payment, TopUp

Handler = Callable[[Border, str], Awaitable[str]]
NOT_OURS = "not ordered here"
INQUIRY = "warning_"
"""Disputes whose status begins so are questions of the bank: no money has moved."""
PREVENTED = "prevented"
"""So is one that ended before it began: what went back is a refund, and that is news of its own."""
ENDED = {"failed", "canceled"}
"""Refunds that did not arrive."""


async def session_changed(border: Border, session_id: str, *, failed: bool = False) -> str:
    """A Checkout: paid, still waiting for a slow method, or over; `failed`: that method did not pay in the end."""
    session = await border.api.asked(
        lambda: border.api.v1.checkout.sessions.retrieve_async(session_id), Session
    )
    if session.client_reference_id is None or not session.client_reference_id.startswith("top_"):
        return NOT_OURS
    intent = None
    if session.payment_intent is not None and session.payment_status == "paid":
        intent = await intent_of(border, session.payment_intent)
    return await border.database.write(lambda conn: _session(conn, border, session, intent, failed=failed))


def _session(
    conn: WriteConn, border: Border, session: Session, intent: PaymentIntent | None, *, failed: bool
) -> str:
    try:
        top_up = payments.find_top_up(conn, session.client_reference_id or "")
    except NotFound:
        return NOT_OURS
    if session.status == "expired":
        payments.insert_top_up_end(conn, top_up.id, "expired", "nobody paid in time", now_us())
        return "expired"
    if session.payment_status == "no_payment_required":
        raise Conflict(f"{session.id} is complete, and nothing was paid for it")
    if intent is None and failed:
        payments.insert_top_up_end(conn, top_up.id, "failed", "the payment did not arrive", now_us())
        return "failed"
    if intent is None:
        return f"not paid yet: {session.payment_status}"
    _same(
        conn,
        border,
        top_up,
        customer=session.customer,
        currency=session.currency,
        cents=session.amount_subtotal,
        livemode=session.livemode,
    )
    arrived = (intent.status, intent.customer, intent.currency)
    if arrived != ("succeeded", session.customer, session.currency) or intent.amount_received < top_up.cents:
        raise Conflict(
            f"{session.id} is complete, but {intent.id} is {arrived} with {intent.amount_received} cents"
        )
    booked = book_top_up(conn, top_up, intent.id, now_us())
    if intent.payment_method is not None:
        store.save_card(conn, top_up.account_id, intent.payment_method)
    return "booked" if booked else "booked before"


async def intent_changed(border: Border, intent_id: str) -> str:
    """A charge to a saved card.  Checkouts have one, too; their sessions say more."""
    intent = await intent_of(border, intent_id)
    return await border.database.write(lambda conn: settle_auto(conn, border, intent))


def settle_auto(conn: WriteConn, border: Border, intent: PaymentIntent) -> str:
    """An automatic top-up is paid, or it failed and its rule waits for a person.  Raises Conflict."""
    try:
        top_up = payments.find_top_up(conn, intent.metadata.get("top_up_id", ""))
    except NotFound:
        return NOT_OURS
    if top_up.kind != "auto":
        return "its Checkout session says so"
    _same(
        conn,
        border,
        top_up,
        customer=intent.customer,
        currency=intent.currency,
        cents=intent.amount,
        livemode=intent.livemode,
    )
    if intent.status == "succeeded":
        return "booked" if book_top_up(conn, top_up, intent.id, now_us()) else "booked before"
    if intent.status in {"requires_payment_method", "requires_action", "canceled"}:
        fail_auto(conn, top_up, f"the saved card was not charged: {intent.status}")
        return "failed"
    return f"not paid yet: {intent.status}"


def fail_auto(conn: WriteConn, top_up: TopUp, why: str) -> None:
    payments.insert_top_up_end(conn, top_up.id, "failed", why, now_us())
    payments.pause_auto_top_up(conn, top_up.account_id, why)


async def refund_changed(border: Border, refund_id: str) -> str:
    refund = await border.api.asked(lambda: border.api.v1.refunds.retrieve_async(refund_id), Refund)
    if refund.status in ENDED:
        await border.database.write(lambda conn: end_reversal(conn, refund.id, "failed", now_us()))
        return f"refund {refund.status}"
    payment, total = await _payment_behind(border, refund.payment_intent)
    if payment is None:
        return NOT_OURS
    others = await border.api.listed(
        border.api.v1.refunds.list_async, Refund, payment_intent=refund.payment_intent
    )
    before = sum(each.amount for each in others if each.status not in ENDED and each.place < refund.place)
    cents = share(payment.cents, total, before, refund.amount)
    found = await border.database.write(
        lambda conn: cents and book_reversal(conn, payment, refund.id, "refund", cents, now_us())
    )
    return "taken back" if found else "taken back before"


def share(cents: int, total: int, before: int, amount: int) -> int:
    """What of `cents` went back with `amount` of `total`, which has tax in it, after `before` of it did.

    The shares of all that went back add up: of a payment that is refunded in parts, no cent is left.
    """
    total = max(total, cents)  # an invoice may have been paid from the customer's balance, too
    return (before + amount) * cents // total - before * cents // total


async def dispute_changed(border: Border, dispute_id: str) -> str:
    dispute = await border.api.asked(lambda: border.api.v1.disputes.retrieve_async(dispute_id), Dispute)
    if dispute.status.startswith(INQUIRY) or dispute.status == PREVENTED:
        return "an inquiry; no money moved"
    payment, total = await _payment_behind(border, dispute.payment_intent)
    if payment is None:
        return NOT_OURS
    cents = max(1, share(payment.cents, total, 0, min(dispute.amount, total)))  # a bank may round, or convert

    def book(conn: WriteConn) -> str:
        booked = book_reversal(conn, payment, dispute.id, "dispute", cents, now_us())
        if dispute.status == "won":
            end_reversal(conn, dispute.id, "won", now_us())
        return f"{dispute.status}: {'taken back' if booked else 'known'}"

    return await border.database.write(book)


async def card_removed(border: Border, payment_method_id: str) -> str:
    return await border.database.write(lambda conn: _forget(conn, payment_method_id))


def _forget(conn: WriteConn, payment_method_id: str) -> str:
    for customer in store.list_customers_with(conn, payment_method_id):
        store.save_card(conn, customer.account_id, None)
        payments.pause_auto_top_up(conn, customer.account_id, "its card was removed")
    return "forgotten"


async def intent_of(border: Border, intent_id: str) -> PaymentIntent:
    return await border.api.asked(
        lambda: border.api.v1.payment_intents.retrieve_async(intent_id), PaymentIntent
    )


async def _payment_behind(border: Border, intent_id: str | None) -> tuple[Payment | None, int]:
    """The payment that money went back of, and its whole amount with tax.  News of it may come first: then it is booked now."""
    if intent_id is None:
        return None, 0
    intent = await intent_of(border, intent_id)
    payment = await border.database.read(lambda conn: payments.find_payment(conn, intent_id))
    if payment is None:
        await intent_changed(border, intent_id)
        sessions = border.api.v1.checkout.sessions.list_async
        for session in await border.api.listed(sessions, Session, payment_intent=intent_id):
            await session_changed(border, session.id)
        about = {"type": "payment_intent", "payment_intent": intent_id}
        paid = border.api.v1.invoice_payments.list_async
        for each in await border.api.listed(paid, InvoicePayment, payment=about):
            await invoice_changed(border, each.invoice)
        payment = await border.database.read(lambda conn: payments.find_payment(conn, intent_id))
    return payment, intent.amount_received


def _same(
    conn: WriteConn,
    border: Border,
    top_up: TopUp,
    *,
    customer: str | None,
    currency: str | None,
    cents: int | None,
    livemode: bool,
) -> None:
    """Raises Conflict: what was paid is not what was ordered."""
    known = store.find_customer(conn, top_up.account_id)
    ordered = (known.customer_id if known else None, CURRENCY, top_up.cents, border.api.livemode)
    paid = (customer, currency, cents, livemode)
    if ordered != paid:
        raise Conflict(
            f"{top_up.id} was ordered as {ordered}, but {paid} was paid (customer, currency, cents, live)"
        )


HANDLERS: dict[str, Handler] = {
    "checkout.session.completed": session_changed,
    "checkout.session.async_payment_succeeded": session_changed,
    "checkout.session.async_payment_failed": partial(session_changed, failed=True),
    "checkout.session.expired": session_changed,
    "payment_intent.succeeded": intent_changed,
    "payment_intent.payment_failed": intent_changed,
    "payment_intent.canceled": intent_changed,
    "refund.created": refund_changed,
    "refund.updated": refund_changed,
    "refund.failed": refund_changed,
    "charge.dispute.created": dispute_changed,
    "charge.dispute.updated": dispute_changed,
    "charge.dispute.closed": dispute_changed,
    "charge.dispute.funds_withdrawn": dispute_changed,
    "charge.dispute.funds_reinstated": dispute_changed,
    "payment_method.detached": card_removed,
    "invoice.finalized": invoice_changed,
    "invoice.paid": invoice_changed,
    "invoice.payment_failed": invoice_changed,
    "invoice.payment_action_required": invoice_changed,
    "invoice.voided": invoice_changed,
    "invoice.marked_uncollectible": invoice_changed,
}
"""All that Stripe is asked to tell us (sync.py)."""
