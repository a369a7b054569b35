"""Book a payment, a refund, a dispute: each in one transaction, once, whoever tells of it how often.

Money that goes back takes its credit back, of the grant that it had become first.  What is spent already cannot be taken: it is owed, and every
later payment of the account pays it before it is credit.
"""

from collections.abc import Iterable

from gateway.accounts.suspend import lift, suspend
from gateway.credit.give import available, give
from gateway.credit.types import Grant
from gateway.errors import Conflict
from gateway.kit.db import WriteConn
from gateway.kit.money import NANOS_PER_CENT
from gateway.payments import store
from gateway.payments.types import Payment, Reversal, ReversalEnd, ReversalKind, Standing, TopUp

PAST: dict[ReversalKind, str] = {"refund": "refunded", "dispute": "disputed"}


def book_top_up(conn: WriteConn, top_up: TopUp, payment_id: str, now_us: int) -> Payment | None:
    """The order is paid, and its account has the credit.  None: it was booked before.

    Raises:
        Conflict: this order was paid by another payment, or this payment was for something else.
    """
    _alone(conn, top_up.account_id)
    known = store.find_payment(conn, payment_id) or store.find_payment_of(conn, top_up_id=top_up.id)
    if known is not None:
        if (known.id, known.top_up_id) == (payment_id, top_up.id):
            return None
        raise Conflict(
            f"{payment_id} cannot pay {top_up.id}: {known.id} is booked for {known.top_up_id or known.invoice_id}"
        )
    words = "automatic top-up by card" if top_up.kind == "auto" else "top-up by card"
    grant = give(
        conn, top_up.account_id, top_up.cents * NANOS_PER_CENT, kind="top_up", reason=f"{words}: {top_up.id}"
    )
    return _booked(conn, Payment(id=payment_id, account_id=top_up.account_id, top_up_id=top_up.id,
                                 cents=top_up.cents, grant_id=grant.id, at_us=now_us))  # fmt: skip


def book_invoice(
    conn: WriteConn,
    account_id: str,
    invoice_id: str,
    payment_id: str,
    *,
    cents: int,
    owed_nanousd: int,
    reason: str,
    now_us: int,
) -> Payment | None:
    """An invoice is paid, and what the account owed for it, `owed_nanousd` exactly, is paid.  None: it was booked before."""
    _alone(conn, account_id)
    if store.find_payment_of(conn, invoice_id=invoice_id) is not None:
        return None
    grant = give(conn, account_id, owed_nanousd, kind="top_up", reason=reason) if owed_nanousd else None
    return _booked(conn, Payment(id=payment_id, account_id=account_id, invoice_id=invoice_id, cents=cents,
                                 grant_id=grant.id if grant else None, at_us=now_us))  # fmt: skip


def _booked(conn: WriteConn, payment: Payment) -> Payment:
    store.insert_payment(conn, payment)
    collect(conn, payment.account_id)
    return payment


def book_reversal(
    conn: WriteConn, payment: Payment, reversal_id: str, kind: ReversalKind, cents: int, now_us: int
) -> Reversal | None:
    """Money went back: so does its credit, as much as there is.  A dispute suspends the account.  None: booked before.

    The account's card is charged by itself no more, until somebody says so again: it would pay back at once what just went back.
    A bank may take what was refunded already; that is owed, too.

    Raises:
        Conflict: more would have been refunded than was paid.
    """
    _alone(conn, payment.account_id)
    known = store.list_standings(conn, payment_id=payment.id)
    if any(each.reversal.id == reversal_id for each in known):
        return None
    refunded = sum(each.reversal.cents for each in known if each.reversal.kind == "refund" and not each.end)
    if kind == "refund" and refunded + cents > payment.cents:
        raise Conflict(
            f"of {payment.id}, {refunded} of {payment.cents} cents were refunded already; {reversal_id} is about {cents} more"
        )
    reversal = Reversal(
        id=reversal_id,
        kind=kind,
        payment_id=payment.id,
        account_id=payment.account_id,
        cents=cents,
        at_us=now_us,
    )
    store.insert_reversal(conn, reversal)
    store.pause_auto_top_up(conn, payment.account_id, f"a payment was {PAST[kind]}")
    collect(conn, payment.account_id)
    if kind == "dispute":
        suspend(conn, payment.account_id, reversal_id, f"a payment was {PAST[kind]}", now_us)
    return reversal


def end_reversal(conn: WriteConn, reversal_id: str, end: ReversalEnd, now_us: int) -> None:
    """The money is back after all, and what was taken for it is given again.  Again, or of something unknown: changes nothing."""
    for found in store.list_standings(conn, reversal_id=reversal_id):
        account_id = found.reversal.account_id
        _alone(conn, account_id)
        (each,) = store.list_standings(conn, reversal_id=reversal_id)  # as it is now that nobody changes it
        if each.end is not None:
            continue
        if each.taken_nanousd:
            reason = f"{_word(each)} {end}: {reversal_id}"
            grant = give(conn, account_id, each.taken_nanousd, kind="top_up", reason=reason)
            store.insert_reversal_grant(conn, reversal_id, grant.id)
        store.insert_reversal_end(conn, reversal_id, end, now_us)
        lift(conn, account_id, reversal_id, now_us)
        collect(conn, account_id)


def collect(conn: WriteConn, account_id: str) -> None:
    """Takes what is owed for money that went back, as far as there is credit that nobody holds: the oldest first."""
    _alone(conn, account_id)
    for each in store.list_standings(conn, account_id):
        taken = min(owed_for(each), available(conn, account_id))
        if taken > 0:
            grant = _take(conn, each, taken)
            store.insert_reversal_grant(conn, each.reversal.id, grant.id)


def _alone(conn: WriteConn, account_id: str) -> None:
    """Until this transaction ends nobody else books anything of this account: what is read from here on stays true."""
    available(conn, account_id)


def _take(conn: WriteConn, standing: Standing, nanousd: int) -> Grant:
    reversal = standing.reversal
    payment = store.find_payment(conn, reversal.payment_id)
    assert payment is not None, "a foreign key"
    return give(conn, reversal.account_id, -nanousd, kind="correction", reason=f"{_word(standing)} of {payment.id}: {reversal.id}",
                first=payment.grant_id)  # fmt: skip


def owed_for(standing: Standing) -> int:
    """Nano-dollars that went back and could not be taken back yet; 0 once it ended well."""
    return 0 if standing.end else standing.reversal.cents * NANOS_PER_CENT - standing.taken_nanousd


def owed(standings: Iterable[Standing]) -> int:
    """Nano-dollars, of all of them."""
    return sum(map(owed_for, standings))


def _word(standing: Standing) -> str:
    return standing.reversal.kind
