"""All SQL about invoices."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, exists, func, insert, or_, select, tuple_

from gateway.credit.tables import balances, grant_uses, grants
from gateway.errors import NotFound
from gateway.invoices.tables import invoice_lines, invoice_states, invoices
from gateway.invoices.types import STATES, Drawn, Invoice, InvoiceLine, State
from gateway.kit.db import ReadConn, WriteConn, insert_once, rows
from gateway.payments.tables import payments


def insert_invoice(conn: WriteConn, invoice: Invoice, lines: Sequence[InvoiceLine]) -> bool:
    """Whether nobody had drawn it before."""
    if not insert_once(conn, invoices, msgspec.structs.asdict(invoice)):
        return False
    if lines:
        conn.execute(insert(invoice_lines), [msgspec.structs.asdict(line) for line in lines])
    return True


def add_state(conn: WriteConn, invoice_id: str, state: State, now_us: int) -> bool:
    """Whether that is news."""
    row = {"invoice_id": invoice_id, "state": state, "at_us": now_us}
    return insert_once(conn, invoice_states, row)


def find_drawn(conn: ReadConn | WriteConn, invoice_id: str, account_id: str | None = None) -> Drawn:
    """Of one account, or of anybody.  Raises NotFound."""
    query = select(invoices).where(invoices.c.id == invoice_id)
    if account_id is not None:
        query = query.where(invoices.c.account_id == account_id)
    found = list(_drawn(conn, query))
    if not found:
        raise NotFound(f"there is no invoice {invoice_id!r}")
    return found[0]


def list_drawn(conn: ReadConn | WriteConn, account_id: str | None = None) -> list[Drawn]:
    """The oldest first."""
    query = select(invoices).order_by(invoices.c.month, invoices.c.id)
    if account_id is not None:
        query = query.where(invoices.c.account_id == account_id)
    return list(_drawn(conn, query))


def list_newest(
    conn: ReadConn, *, limit: int, account_id: str | None = None, after: str | None = None
) -> list[Drawn]:
    """The newest month first; at most `limit`, beyond the invoice `after`.

    Raises:
        NotFound: `after` is none (of this account).
    """
    place = (invoices.c.month, invoices.c.id)
    query = select(invoices).order_by(*(column.desc() for column in place)).limit(limit)
    if account_id is not None:
        query = query.where(invoices.c.account_id == account_id)
    if after is not None:
        last = find_drawn(conn, after, account_id).invoice
        query = query.where(tuple_(*place) < tuple_(last.month, last.id))
    return list(_drawn(conn, query))


def sum_rounding(conn: ReadConn) -> int:
    """Nano-dollars: the rounding account."""
    return int(conn.execute(select(func.coalesce(func.sum(invoices.c.rounding_nanousd), 0))).scalar_one())


def _drawn(conn: ReadConn | WriteConn, query: Select[Any]) -> Iterator[Drawn]:
    """The invoices of a query, in its order, however many they are."""
    found = rows(Invoice, conn.execute(query))
    ids = select(query.subquery().c.id)
    lines: dict[str, list[InvoiceLine]] = defaultdict(list)
    of = select(invoice_lines).where(invoice_lines.c.invoice_id.in_(ids)).order_by(invoice_lines.c.place)
    for line in rows(InvoiceLine, conn.execute(of)):
        lines[line.invoice_id].append(line)
    states: dict[str, set[str]] = defaultdict(set)
    for row in conn.execute(select(invoice_states).where(invoice_states.c.invoice_id.in_(ids))):
        states[row.invoice_id].add(row.state)
    for invoice in found:
        state = max((each for each in STATES if each in states[invoice.id]), key=STATES.index, default=None)
        yield Drawn(invoice=invoice, lines=tuple(lines[invoice.id]), state=state)


def list_debtors(conn: ReadConn) -> list[str]:
    """Accounts that may owe, or have owed: those with a limit, those beyond their credit, those whose top-ups paid debts."""
    paid_debts = exists().where(
        grants.c.account_id == balances.c.account_id,
        grant_uses.c.grant_id == grants.c.id,
        grant_uses.c.used_by == grants.c.id,
    )
    owing = balances.c.settled_nanousd > balances.c.granted_nanousd
    query = select(balances.c.account_id).where(or_(balances.c.credit_limit_nanousd > 0, owing, paid_debts))
    return list(conn.execute(query.order_by(balances.c.account_id)).scalars())


def list_debt_payments(conn: ReadConn | WriteConn, account_id: str, since_us: int) -> list[tuple[str, int]]:
    """(grant, nano-dollars) of credit that paid what was owed when it was given, less what invoices have named of it already.

    The credit that a paid invoice became is none of it: that invoice named its debt.  But where such a debt had been paid already, by a top-up,
    the invoice's money became free credit; then that top-up is no payment of anything that is still asked for.
    """
    named = (
        select(func.coalesce(func.sum(-invoice_lines.c.cost_nanousd), 0))
        .where(invoice_lines.c.kind == "payment", invoice_lines.c.ref == grants.c.id)
        .scalar_subquery()
    )
    of_invoice = exists().where(payments.c.grant_id == grants.c.id, payments.c.invoice_id.is_not(None))
    query = (
        select(grants.c.id, (grant_uses.c.amount_nanousd - named).label("left"))
        .join(grant_uses, (grant_uses.c.grant_id == grants.c.id) & (grant_uses.c.used_by == grants.c.id))
        .where(
            grants.c.account_id == account_id,
            grants.c.amount_nanousd > 0,
            grants.c.created_us >= since_us,
            ~of_invoice,
        )
        .order_by(grants.c.created_us, grants.c.id)
    )
    twice, found = _paid_twice(conn, account_id), []
    for row in conn.execute(query):
        given_back = min(twice, int(row.left))
        twice -= given_back
        if row.left > given_back:
            found.append((row.id, int(row.left) - given_back))
    return found


def _paid_twice(conn: ReadConn | WriteConn, account_id: str) -> int:
    """Nano-dollars of paid invoices that found no debt left to pay, and became credit."""
    paid = func.coalesce(func.sum(grant_uses.c.amount_nanousd), 0).label("paid")
    query = (
        select(grants.c.amount_nanousd, paid)
        .join(payments, payments.c.grant_id == grants.c.id)
        .outerjoin(grant_uses, (grant_uses.c.grant_id == grants.c.id) & (grant_uses.c.used_by == grants.c.id))
        .where(grants.c.account_id == account_id, payments.c.invoice_id.is_not(None))
        .group_by(grants.c.id, grants.c.amount_nanousd)
    )
    return sum(int(row.amount_nanousd) - int(row.paid) for row in conn.execute(query))
