"""Whether the ledger and Stripe tell the same story: every payment, refund, dispute and invoice, in both directions, with names.

Read once a day, on the operators' page and by `tollway-gateway stripe reconcile`.  It changes nothing: what differs is for a person to look at.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import msgspec

from gateway.billing import store
from gateway.billing.border import Border
from gateway.billing.handle import ENDED
from gateway.billing.meters import Usage, metered
from gateway.billing.stripe_objects import (
    BalanceTransaction,
    Charge,
    Dispute,
    PaymentIntent,
    Refund,
    RemoteInvoice,
)
from gateway.billing.types import Sent
from gateway.invoices import store as invoices
from gateway.invoices.types import Drawn
from gateway.kit.clock import DAY_US, SECOND_US, now_us, rfc3339
from gateway.kit.db import ReadConn
from gateway.payments import store as payments
from gateway.payments.types import Payment, Standing

GRACE_US = 3600 * SECOND_US
"""News takes its time: younger things are not yet missed."""
INTENT_AGE_US_MAX = DAY_US
DISPUTED = {"needs_response", "under_review", "lost", "won"}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the ledger and Stripe do not agree on, or that waits for too long."""

    about: str
    """`payment`, `refund`, `dispute`, `invoice`, `outbox`, `inbox`, `money`, `meter`."""
    name: str
    """Of the row, or of the thing at Stripe."""
    account_id: str | None
    words: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    at_us: int
    since_us: int
    payments: int
    paid_cents: int
    reversals: int
    reversed_cents: int
    invoices: int
    invoiced_cents: int
    rounding_nanousd: int
    """The rounding account: what rounding lines to cents added to what was invoiced, or took."""
    differences: tuple[Difference, ...]


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger's side, of one instant."""

    payments: dict[str, Payment]
    standings: dict[str, Standing]
    drawn: dict[str, Drawn]
    sent: dict[str, Sent]
    waiting: tuple[Difference, ...]


async def reconcile(border: Border) -> Report:
    """Since this ledger first knew Stripe.

    Raises:
        PaymentsUnavailable: Stripe cannot be asked now.
    """
    now = now_us()
    since = (await border.database.read(store.since_us) or now) - GRACE_US  # Stripe's clock is not ours
    ours = await border.database.read(lambda conn: _ours(conn, now))
    differences = [
        *ours.waiting,
        *await _payments(border, ours, since, now),
        *await _invoices(border, ours, since, now),
        *await _money(border, ours, since),
        *(await _meters(border) if border.sink == "meters" else ()),
    ]
    back = [each.reversal.cents for each in ours.standings.values() if each.end is None]
    asked = [each.invoice for each in ours.drawn.values()]
    return Report(
        at_us=now,
        since_us=since,
        payments=len(ours.payments),
        paid_cents=sum(each.cents for each in ours.payments.values()),
        reversals=len(back),
        reversed_cents=sum(back),
        invoices=len(asked),
        invoiced_cents=sum(each.total_cents for each in asked),
        rounding_nanousd=sum(each.rounding_nanousd for each in asked),
        differences=tuple(differences),
    )


def _ours(conn: ReadConn, now: int) -> Ours:
    drawn = {each.invoice.id: each for each in invoices.list_drawn(conn)}
    return Ours(
        payments={each.id: each for each in payments.list_payments(conn)},
        standings={each.reversal.id: each for each in payments.list_standings(conn)},
        drawn=drawn,
        sent=store.find_sent(conn),
        waiting=tuple(_waiting(conn, now)),
    )


def _waiting(conn: ReadConn, now: int) -> Iterator[Difference]:
    for intent in store.list_intents(conn, 1_000, open_only=True):
        if intent.frozen_us is not None or intent.created_us < now - INTENT_AGE_US_MAX:
            word = "frozen" if intent.frozen_us else f"waiting since {rfc3339(intent.created_us)}"
            yield Difference(
                about="outbox", name=intent.id, account_id=intent.account_id, words=f"{word}: {intent.result}"
            )
    for news in store.list_news(conn, 1_000, open_only=True):
        if news.received_us < now - GRACE_US:
            yield Difference(
                about="inbox",
                name=news.event_id,
                account_id=None,
                words=f"{news.type} of {news.object_id} is not handled: {news.outcome}",
            )


async def _payments(border: Border, ours: Ours, since: int, now: int) -> list[Difference]:
    """Both ways: what Stripe says was paid for us, and what we booked."""
    api, about = border.api, {"created": {"gte": since // SECOND_US}}
    intents = await api.listed(api.v1.payment_intents.list_async, PaymentIntent, **about)
    customers = {
        each.customer_id: each.account_id for each in await border.database.read(store.list_customers)
    }
    found: list[Difference] = []
    theirs = {each.id: each for each in intents}
    found += [
        _differs("payment", each.id, customers[each.customer], f"Stripe has {each.amount_received} cents, and nothing is booked")
        for each in intents
        if each.status == "succeeded" and each.customer in customers and each.id not in ours.payments
        and each.created < (now - GRACE_US) // SECOND_US
    ]  # fmt: skip
    for payment in ours.payments.values():
        there = theirs.get(payment.id)
        if payment.id.startswith("pi_") and (
            there is None or there.status != "succeeded" or there.amount_received < payment.cents
        ):
            words = f"{payment.cents} cents are booked, and Stripe says {there.status if there else 'nothing of it'}"
            found.append(_differs("payment", payment.id, payment.account_id, words))
    return found + await _reversals(border, ours, since)


async def _reversals(border: Border, ours: Ours, since: int) -> list[Difference]:
    api, about, found = border.api, {"created": {"gte": since // SECOND_US}}, []
    refunds = await api.listed(api.v1.refunds.list_async, Refund, **about)
    disputes = await api.listed(api.v1.disputes.list_async, Dispute, **about)
    gone = {each.id: each.payment_intent for each in refunds if each.status not in ENDED}
    gone |= {each.id: each.payment_intent for each in disputes if each.status in DISPUTED}
    won = {each.id for each in disputes if each.status == "won"}
    for name, intent_id in gone.items():
        if intent_id in ours.payments and name not in ours.standings:
            found.append(
                _differs(
                    "refund",
                    name,
                    ours.payments[intent_id].account_id,
                    f"money of {intent_id} went back, and its credit did not",
                )
            )
    for name, standing in ours.standings.items():
        if (name not in gone) != (standing.end == "failed") or (name in won) != (standing.end == "won"):
            found.append(
                _differs(
                    standing.reversal.kind,
                    name,
                    standing.reversal.account_id,
                    f"it ended as {standing.end} here, and not there",
                )
            )
    return found


async def _invoices(border: Border, ours: Ours, since: int, now: int) -> list[Difference]:
    api, found = border.api, []
    remote = await api.listed(api.v1.invoices.list_async, RemoteInvoice, created={"gte": since // SECOND_US})
    theirs = {each.id: each for each in remote}
    named = Counter(
        each.metadata["invoice_id"]
        for each in remote
        if each.metadata.get("invoice_id") and each.status != "void"
    )
    for name, times in named.items():
        if times > 1:
            found.append(_differs("invoice", name, None, f"Stripe has {times} invoices of it"))
        if name not in ours.drawn:
            found.append(_differs("invoice", name, None, "Stripe has an invoice that was never drawn here"))
    for name, drawn in ours.drawn.items():
        sent = ours.sent.get(name)
        there = theirs.get(sent.remote_id) if sent else None
        if drawn.state in {"carried", "settled"} or (
            sent is None and drawn.invoice.created_us > now - GRACE_US
        ):
            continue
        if there is None:
            found.append(
                _differs(
                    "invoice", name, drawn.invoice.account_id, "it was drawn, and Stripe does not have it"
                )
            )
        elif there.subtotal != drawn.invoice.total_cents:
            found.append(
                _differs(
                    "invoice",
                    name,
                    drawn.invoice.account_id,
                    f"{drawn.invoice.total_cents} cents here, {there.subtotal} there",
                )
            )
        elif (there.status == "paid") != (drawn.state == "paid"):
            found.append(
                _differs(
                    "invoice",
                    name,
                    drawn.invoice.account_id,
                    f"it is {drawn.state} here, and {there.status} there",
                )
            )
    return found


async def _money(border: Border, ours: Ours, since: int) -> list[Difference]:
    """Stripe's own account of money: whether what we booked arrived there, and whole."""
    api = border.api
    moved = await api.listed(
        api.v1.balance_transactions.list_async,
        BalanceTransaction,
        created={"gte": since // SECOND_US},
    )
    charges = await api.listed(api.v1.charges.list_async, Charge, created={"gte": since // SECOND_US})
    by_charge = {each.id: each for each in charges}
    found = []
    for each in moved:
        charge = by_charge.get(each.source or "")
        if (
            each.type in {"charge", "payment"}
            and charge is not None
            and charge.payment_intent in ours.payments
            and each.amount != charge.amount
        ):
            account_id = ours.payments[charge.payment_intent].account_id
            found.append(
                _differs("money", each.id, account_id, f"{each.amount} cents arrived of {charge.amount}")
            )
    arrived = {by_charge[each.source].payment_intent for each in moved if each.source in by_charge}
    found += [
        _differs("money", each.id, each.account_id, "it is booked, and no money of it is on Stripe's balance")
        for each in ours.payments.values()
        if each.id.startswith("pi_") and each.id not in arrived
    ]
    return found


async def _meters(border: Border) -> list[Difference]:
    """Tokens that were delivered, and what the meters count: by customer and meter, an hour late at least."""
    found = []
    until_s = now_us() // SECOND_US // 3600 * 3600 - 3600
    for customer in await border.database.read(store.list_customers):
        sums: Counter[str] = Counter()
        begin: dict[str, int] = {}
        for intent in await border.database.read(
            partial(store.list_delivered, account_id=customer.account_id)
        ):
            usage = msgspec.json.decode(intent.body, type=Usage)
            if usage.at_s < until_s:
                sums[usage.event_name] += usage.tokens
                begin[usage.event_name] = min(begin.get(usage.event_name, until_s), usage.at_s // 3600 * 3600)
        for name, tokens in sums.items():
            counted = await metered(border, customer.customer_id, name, begin[name], until_s)
            if counted != tokens:
                found.append(
                    _differs(
                        "meter",
                        name,
                        customer.account_id,
                        f"{tokens} tokens were sent, and the meter counts {counted}",
                    )
                )
    return found


def _differs(about: str, name: str, account_id: str | None, words: str) -> Difference:
    return Difference(about=about, name=name, account_id=account_id, words=words)
