"""All SQL about the border to Stripe."""

import msgspec
from sqlalchemy import func, select, update

from gateway.billing.tables import (
    meter_marks,
    stripe_customers,
    stripe_inbox,
    stripe_invoices,
    stripe_modes,
    stripe_outbox,
    stripe_reports,
)
from gateway.billing.types import Customer, Intent, News, Sent
from gateway.credit.tables import balances
from gateway.kit.db import ReadConn, WriteConn, insert_once, rows, upsert

_OPEN_INTENT = (stripe_outbox.c.done_us.is_(None), stripe_outbox.c.frozen_us.is_(None))


def keep_mode(conn: WriteConn, livemode: bool, now_us: int) -> bool:
    """The mode of this ledger: as it was first, whatever it is asked now."""
    conn.execute(
        upsert(conn.dialect.name, stripe_modes), {"one": 1, "livemode": livemode, "since_us": now_us}
    )
    return bool(conn.execute(select(stripe_modes.c.livemode)).scalar_one())


# -- customers ------------------------------------------------------------------------------------------------


def save_customer(conn: WriteConn, customer: Customer) -> Customer:
    """The first who says so wins; returns what holds."""
    conn.execute(upsert(conn.dialect.name, stripe_customers), msgspec.structs.asdict(customer))
    found = find_customer(conn, customer.account_id)
    assert found is not None, "it was written just now"
    return found


def save_card(conn: WriteConn, account_id: str, payment_method_id: str | None) -> None:
    of = stripe_customers.c.account_id == account_id
    conn.execute(update(stripe_customers).where(of).values(payment_method_id=payment_method_id))


def find_customer(conn: ReadConn | WriteConn, account_id: str) -> Customer | None:
    found = rows(
        Customer, conn.execute(select(stripe_customers).where(stripe_customers.c.account_id == account_id))
    )
    return found[0] if found else None


def find_owner(conn: ReadConn | WriteConn, customer_id: str) -> Customer | None:
    """Whose customer at Stripe it is."""
    of = stripe_customers.c.customer_id == customer_id
    found = rows(Customer, conn.execute(select(stripe_customers).where(of)))
    return found[0] if found else None


def list_customers_with(conn: ReadConn | WriteConn, payment_method_id: str) -> list[Customer]:
    """Whose saved card it is: one at most."""
    of = stripe_customers.c.payment_method_id == payment_method_id
    return rows(Customer, conn.execute(select(stripe_customers).where(of)))


def list_customers(conn: ReadConn) -> list[Customer]:
    return rows(Customer, conn.execute(select(stripe_customers).order_by(stripe_customers.c.account_id)))


# -- inbox ----------------------------------------------------------------------------------------------------


def insert_news(conn: WriteConn, news: News) -> bool:
    """Whether it is new."""
    return insert_once(conn, stripe_inbox, msgspec.structs.asdict(news))


def has_news(conn: ReadConn, now_us: int) -> bool:
    """Whether something is due."""
    due = (stripe_inbox.c.handled_us.is_(None), stripe_inbox.c.due_us <= now_us)
    return conn.execute(select(stripe_inbox.c.event_id).where(*due).limit(1)).first() is not None


def claim_news(conn: WriteConn, now_us: int, until_us: int, limit: int) -> list[News]:
    """What is due, the oldest first; nobody else gets it until `until_us`."""
    due = (stripe_inbox.c.handled_us.is_(None), stripe_inbox.c.due_us <= now_us)
    query = select(stripe_inbox).where(*due).order_by(stripe_inbox.c.due_us).limit(limit)
    found = rows(News, conn.execute(query.with_for_update(skip_locked=True)))
    _move(conn, [news.event_id for news in found], until_us)
    return found


def _move(conn: WriteConn, event_ids: list[str], due_us: int) -> None:
    if event_ids:
        moved = update(stripe_inbox).where(stripe_inbox.c.event_id.in_(event_ids))
        conn.execute(moved.values(due_us=due_us, tries=stripe_inbox.c.tries + 1))


def note_news(
    conn: WriteConn, event_id: str, outcome: str, *, due_us: int | None = None, handled_us: int | None = None
) -> None:
    """What was made of it, or when to look again."""
    values = {"outcome": outcome[:500], "handled_us": handled_us}
    if due_us is not None:
        values["due_us"] = due_us
    conn.execute(update(stripe_inbox).where(stripe_inbox.c.event_id == event_id).values(values))


def list_news(conn: ReadConn, limit: int, *, open_only: bool = False) -> list[News]:
    """The newest first."""
    query = (
        select(stripe_inbox).order_by(stripe_inbox.c.received_us.desc(), stripe_inbox.c.event_id).limit(limit)
    )
    return rows(News, conn.execute(query.where(stripe_inbox.c.handled_us.is_(None)) if open_only else query))


# -- outbox ---------------------------------------------------------------------------------------------------


def insert_intent(conn: WriteConn, intent: Intent) -> None:
    """The same again changes nothing."""
    conn.execute(upsert(conn.dialect.name, stripe_outbox), msgspec.structs.asdict(intent))


def has_intents(conn: ReadConn, now_us: int) -> bool:
    """Whether something may be due."""
    due = select(stripe_outbox.c.id).where(*_OPEN_INTENT, stripe_outbox.c.due_us <= now_us)
    return conn.execute(due.limit(1)).first() is not None


def claim_intents(conn: WriteConn, now_us: int, until_us: int, limit: int) -> list[Intent]:
    """What is due: of each account the oldest that is open, so that one that waits holds up its own account alone."""
    number = func.row_number().over(
        partition_by=stripe_outbox.c.account_id, order_by=(stripe_outbox.c.created_us, stripe_outbox.c.id)
    )
    first = (
        select(stripe_outbox.c.id, stripe_outbox.c.due_us, number.label("place"))
        .where(*_OPEN_INTENT)
        .subquery()
    )
    due = (
        select(first.c.id)
        .where(first.c.place == 1, first.c.due_us <= now_us)
        .order_by(first.c.due_us)
        .limit(limit)
    )
    query = select(stripe_outbox).where(
        stripe_outbox.c.id.in_(due), *_OPEN_INTENT, stripe_outbox.c.due_us <= now_us
    )
    found = rows(
        Intent, conn.execute(query.order_by(stripe_outbox.c.due_us).with_for_update(skip_locked=True))
    )
    if found:
        claimed = update(stripe_outbox).where(stripe_outbox.c.id.in_([intent.id for intent in found]))
        conn.execute(
            claimed.values(
                due_us=until_us,
                tries=stripe_outbox.c.tries + 1,
                begun_us=func.coalesce(stripe_outbox.c.begun_us, now_us),
            )
        )
    return found


def note_intent(
    conn: WriteConn,
    intent_id: str,
    result: str,
    *,
    due_us: int | None = None,
    done_us: int | None = None,
    frozen_us: int | None = None,
) -> None:
    values = {"result": result[:500], "done_us": done_us, "frozen_us": frozen_us}
    if due_us is not None:
        values["due_us"] = due_us
    conn.execute(update(stripe_outbox).where(stripe_outbox.c.id == intent_id).values(values))


def find_intent(conn: ReadConn | WriteConn, intent_id: str) -> Intent | None:
    found = rows(Intent, conn.execute(select(stripe_outbox).where(stripe_outbox.c.id == intent_id)))
    return found[0] if found else None


def list_intents(conn: ReadConn, limit: int, *, open_only: bool = False) -> list[Intent]:
    """The newest first; `open_only`: those that are not done, frozen ones too."""
    query = select(stripe_outbox).order_by(stripe_outbox.c.created_us.desc(), stripe_outbox.c.id).limit(limit)
    return rows(Intent, conn.execute(query.where(stripe_outbox.c.done_us.is_(None)) if open_only else query))


# -- invoices at Stripe ---------------------------------------------------------------------------------------


def save_sent(conn: WriteConn, sent: Sent) -> None:
    conn.execute(
        upsert(conn.dialect.name, stripe_invoices, "number", "url", "pdf"), msgspec.structs.asdict(sent)
    )


def find_sent(conn: ReadConn | WriteConn, invoice_ids: list[str] | None = None) -> dict[str, Sent]:
    """By invoice: of these few, or of all."""
    query = select(stripe_invoices)
    if invoice_ids is not None:
        query = query.where(stripe_invoices.c.invoice_id.in_(invoice_ids))
    return {sent.invoice_id: sent for sent in rows(Sent, conn.execute(query))}


def since_us(conn: ReadConn | WriteConn) -> int | None:
    """When this ledger first knew Stripe; None: never."""
    return conn.execute(select(stripe_modes.c.since_us)).scalar()


# -- usage for meters -----------------------------------------------------------------------------------------


def list_unmetered(conn: ReadConn) -> list[str]:
    """Accounts with receipts beyond their mark."""
    query = (
        select(balances.c.account_id)
        .outerjoin(meter_marks, meter_marks.c.account_id == balances.c.account_id)
        .where(balances.c.chain_seq > func.coalesce(meter_marks.c.seq, 0))
    )
    return list(conn.execute(query.order_by(balances.c.account_id)).scalars())


def lock_meter_mark(conn: WriteConn, account_id: str) -> int:
    conn.execute(upsert(conn.dialect.name, meter_marks), {"account_id": account_id, "seq": 0})
    query = select(meter_marks.c.seq).where(meter_marks.c.account_id == account_id)
    return int(conn.execute(query.with_for_update()).scalar_one())


def move_meter_mark(conn: WriteConn, account_id: str, seq: int) -> None:
    conn.execute(update(meter_marks).where(meter_marks.c.account_id == account_id).values(seq=seq))


def list_delivered(conn: ReadConn, account_id: str) -> list[Intent]:
    """The account's usage that Stripe is known to have."""
    done = (stripe_outbox.c.kind == "meter_event", stripe_outbox.c.done_us.is_not(None))
    return rows(
        Intent, conn.execute(select(stripe_outbox).where(stripe_outbox.c.account_id == account_id, *done))
    )


# -- reports --------------------------------------------------------------------------------------------------


def save_report(conn: WriteConn, day: int, body: str) -> None:
    """The day's last."""
    conn.execute(upsert(conn.dialect.name, stripe_reports, "body"), {"day": day, "body": body})


def last_report(conn: ReadConn) -> tuple[int, str] | None:
    """(day, JSON)."""
    row = conn.execute(select(stripe_reports).order_by(stripe_reports.c.day.desc()).limit(1)).first()
    return (row.day, row.body) if row else None


def count_open(conn: ReadConn) -> tuple[int, int, int]:
    """Intents that wait, intents that are frozen, news that is not handled."""
    waiting = conn.execute(select(func.count()).where(*_OPEN_INTENT)).scalar_one()
    frozen = conn.execute(
        select(func.count()).where(stripe_outbox.c.frozen_us.is_not(None), stripe_outbox.c.done_us.is_(None))
    ).scalar_one()
    unhandled = conn.execute(select(func.count()).where(stripe_inbox.c.handled_us.is_(None))).scalar_one()
    return waiting, frozen, unhandled
