"""The sink `invoice_items`: our invoices, with our lines in whole cents, at Stripe; and what becomes of them there."""

from functools import partial
from typing import Any

import msgspec

from gateway.accounts.store import find_account
from gateway.accounts.suspend import lift, suspend
from gateway.billing import store
from gateway.billing.border import Border, once
from gateway.billing.customers import customer_of
from gateway.billing.outbox import Frozen
from gateway.billing.stripe_objects import InvoicePayment, RemoteInvoice, RemoteLine
from gateway.billing.types import Customer, Intent, Sent
from gateway.errors import Conflict, NotFound
from gateway.invoices import store as invoices
from gateway.invoices.draw import draw_month, months_due
from gateway.invoices.types import Drawn, InvoiceLine, State
from gateway.invoices.words import line_words, title
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.kit.money import NANOS_PER_CENT
from gateway.payments.book import book_invoice

CURRENCY = "usd"
METERED = "tollway_usage"
"""In the metadata of the subscriptions that are ours (sync.py), of which Stripe keeps a copy on their invoices."""
TAX_CODE = "txcd_10103001"
"""Software as a service, for business (Stripe's list of product tax codes)."""
LINES_MAX = 250
"""Invoice items of one invoice at Stripe."""
DAYS_UNTIL_DUE = 14
"""For accounts without a saved card: they are sent the invoice."""
REMOTE_STATES: dict[str, State] = {
    "open": "finalized",
    "paid": "paid",
    "uncollectible": "uncollectible",
    "void": "void",
}


async def draw_due(border: Border) -> int:
    """Draws the invoices of months that are over, each with the intent to send it; how many."""
    since = await border.database.read(store.since_us)
    if since is None or border.sink != "invoice_items":
        return 0
    count = 0
    for account_id in await border.database.read(invoices.list_debtors):
        months = await border.database.read(
            partial(months_due, account_id=account_id, since_us=since, now_us=now_us())
        )
        for month in months:
            drawn = await border.database.write(
                partial(_draw, account_id=account_id, month=month, since_us=since)
            )
            count += drawn is not None
    return count


def _draw(conn: WriteConn, account_id: str, month: str, since_us: int) -> Drawn | None:
    now = now_us()
    drawn = draw_month(conn, account_id, month, since_us, now)
    if drawn is not None and drawn.state is None:
        name = drawn.invoice.id
        body = msgspec.json.encode({"invoice_id": name}).decode()
        store.insert_intent(
            conn,
            Intent(
                id=f"inv:{name}", kind="invoice", account_id=account_id, body=body, created_us=now, due_us=now
            ),
        )
    return drawn


async def send_invoice(border: Border, intent: Intent) -> str:
    """Sends an `invoice`: a draft, its lines, then it is finalized.  Killed between any two steps, the next try goes on where it was."""
    invoice_id = msgspec.json.decode(intent.body, type=dict[str, str])["invoice_id"]
    drawn = await border.database.read(lambda conn: invoices.find_drawn(conn, invoice_id))
    account = await border.database.read(lambda conn: find_account(conn, intent.account_id))
    customer = await customer_of(border, account)
    remote = await _find(border, customer, intent, invoice_id) or await _create(border, customer, drawn)
    if remote.status == "draft":
        await _add_lines(border, customer, remote, drawn)
        remote = await _retrieve(border, remote.id)
        if remote.subtotal != drawn.invoice.total_cents:
            raise Frozen(
                f"{remote.id} has {remote.subtotal} cents, and {invoice_id} {drawn.invoice.total_cents}: it was not finalized"
            )
        remote = await border.api.asked(
            lambda: border.api.v1.invoices.finalize_invoice_async(
                remote.id, {"auto_advance": True}, once(f"fin:{invoice_id}")
            ),
            RemoteInvoice,
        )
    await invoice_changed(border, remote.id)
    return remote.id


async def _find(border: Border, customer: Customer, intent: Intent, invoice_id: str) -> RemoteInvoice | None:
    """A try before this one may have made it."""
    if intent.begun_us is None:
        return None
    about = {"customer": customer.customer_id, "created": {"gte": intent.created_us // 10**6 - 3600}}
    found = await border.api.listed(border.api.v1.invoices.list_async, RemoteInvoice, **about)
    return next((each for each in found if each.metadata.get("invoice_id") == invoice_id), None)


async def _create(border: Border, customer: Customer, drawn: Drawn) -> RemoteInvoice:
    invoice = drawn.invoice
    new: Any = {
        "customer": customer.customer_id,
        "currency": CURRENCY,
        "auto_advance": False,
        "pending_invoice_items_behavior": "exclude",
        "automatic_tax": {"enabled": border.tax},
        "description": f"{title(invoice.month)}: receipts {invoice.first_seq} to {invoice.last_seq}",
        "metadata": {"invoice_id": invoice.id, "account_id": invoice.account_id, "month": invoice.month},
    }
    if customer.payment_method_id:
        new |= {
            "collection_method": "charge_automatically",
            "default_payment_method": customer.payment_method_id,
        }
    else:
        new |= {"collection_method": "send_invoice", "days_until_due": DAYS_UNTIL_DUE}
    return await border.api.asked(
        lambda: border.api.v1.invoices.create_async(new, once(f"inv:{invoice.id}")), RemoteInvoice
    )


async def _add_lines(border: Border, customer: Customer, remote: RemoteInvoice, drawn: Drawn) -> None:
    """Those that are not there yet: by our own place number, which each carries."""
    there = await border.api.listed(border.api.v1.invoice_items.list_async, RemoteLine, invoice=remote.id)
    places = {line.metadata.get("place") for line in there}
    for line in compact(drawn.lines):
        if str(line.place) not in places:
            await _add_line(border, customer, remote, line)


async def _add_line(border: Border, customer: Customer, remote: RemoteInvoice, line: InvoiceLine) -> None:
    new: Any = {
        "customer": customer.customer_id,
        "invoice": remote.id,
        "currency": CURRENCY,
        "amount": line.cents,
        "description": line_words(line),
        "metadata": {"place": str(line.place), "cost_nanousd": str(line.cost_nanousd)},
    }
    if border.tax:
        new |= {"tax_behavior": "exclusive", "tax_code": TAX_CODE}
    key = once(f"line:{line.invoice_id}:{line.place}")
    await border.api.asked(lambda: border.api.v1.invoice_items.create_async(new, key), RemoteLine)


def compact(lines: tuple[InvoiceLine, ...]) -> list[InvoiceLine]:
    """As many as Stripe takes: from the place where there are too many, the rest as one, whose parts our own page shows."""
    if len(lines) <= LINES_MAX:
        return list(lines)
    kept, rest = lines[: LINES_MAX - 1], lines[LINES_MAX - 1 :]
    last = msgspec.structs.replace(
        rest[0], kind="usage", model=f"{len(rest)} more lines, see the statement", token_class="", discount_percent=0,
        tokens=sum(line.tokens for line in rest), cents=sum(line.cents for line in rest),
        cost_nanousd=sum(line.cost_nanousd for line in rest),
    )  # fmt: skip
    return [*kept, last]


async def _retrieve(border: Border, remote_id: str) -> RemoteInvoice:
    return await border.api.asked(lambda: border.api.v1.invoices.retrieve_async(remote_id), RemoteInvoice)


async def invoice_changed(border: Border, remote_id: str) -> str:
    """How an invoice stands at Stripe now, booked.  Those that we did not cause (a top-up's receipt) are not ours."""
    remote = await _retrieve(border, remote_id)
    invoice_id = remote.metadata.get("invoice_id", "")
    if not invoice_id and METERED not in remote.subscription_metadata:
        return "not drawn here"
    paid = await border.api.listed(
        border.api.v1.invoice_payments.list_async, InvoicePayment, invoice=remote.id
    ) if remote.status == "paid" else []  # fmt: skip
    payment_id = next(
        (each.intent_id for each in paid if each.intent_id and each.status == "paid"), remote.id
    )
    if not invoice_id:
        return await border.database.write(lambda conn: _metered(conn, border, remote, payment_id))
    return await border.database.write(lambda conn: _stands(conn, border, remote, invoice_id, payment_id))


def _metered(conn: WriteConn, border: Border, remote: RemoteInvoice, payment_id: str) -> str:
    """Stripe rated this one (the sink `meters`): what it asked for is paid, so that much less is owed here."""
    customer = store.find_owner(conn, remote.customer or "")
    if customer is None or (remote.currency, remote.livemode) != (CURRENCY, border.api.livemode):
        raise Conflict(f"{remote.id} is of {remote.customer}, in {remote.currency}: nobody's here")
    account_id, now = customer.account_id, now_us()
    if remote.status == "paid" and remote.subtotal > 0:
        reason = f"invoice of metered usage paid: {remote.id}"
        book_invoice(conn, account_id, remote.id, payment_id, cents=remote.subtotal,
                     owed_nanousd=remote.subtotal * NANOS_PER_CENT, reason=reason, now_us=now)  # fmt: skip
    _enforce(conn, account_id, remote.id, remote.status, f"the invoice {remote.number} was not paid", now)
    return remote.status or ""


def _enforce(
    conn: WriteConn, account_id: str, because_of: str, status: str | None, reason: str, now: int
) -> None:
    """Who does not pay is suspended, until the invoice is paid after all, or void."""
    if status == "uncollectible":
        suspend(conn, account_id, because_of, reason, now)
    elif status in {"paid", "void"}:
        lift(conn, account_id, because_of, now)


def _stands(conn: WriteConn, border: Border, remote: RemoteInvoice, invoice_id: str, payment_id: str) -> str:
    try:
        drawn = invoices.find_drawn(conn, invoice_id)
    except NotFound:
        return "not drawn here"
    invoice, now = drawn.invoice, now_us()
    known = store.find_customer(conn, invoice.account_id)
    ours = (known.customer_id if known else None, CURRENCY, invoice.total_cents, border.api.livemode)
    theirs = (remote.customer, remote.currency, remote.subtotal, remote.livemode)
    if remote.status == "draft":
        return "a draft still"
    if ours != theirs:
        raise Conflict(
            f"{invoice_id} was drawn as {ours}, and {remote.id} is {theirs} (customer, currency, cents, live)"
        )
    store.save_sent(
        conn,
        Sent(
            invoice_id=invoice_id,
            remote_id=remote.id,
            number=remote.number,
            url=remote.hosted_invoice_url,
            pdf=remote.invoice_pdf,
        ),
    )
    state = REMOTE_STATES.get(remote.status or "", "finalized")
    invoices.add_state(conn, invoice_id, state, now)
    if state == "finalized" and remote.attempted and remote.amount_remaining:
        invoices.add_state(conn, invoice_id, "failed", now)
    if state == "paid":
        book_invoice(conn, invoice.account_id, invoice_id, payment_id, cents=invoice.total_cents,
                     owed_nanousd=invoice.owed_nanousd, reason=f"invoice of {invoice.month} paid: {invoice_id}", now_us=now)  # fmt: skip
    _enforce(conn, invoice.account_id, invoice_id, state, f"the invoice of {invoice.month} was not paid", now)
    return state
