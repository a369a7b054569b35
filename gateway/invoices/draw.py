"""From a final statement to an invoice: pure arithmetic, and the transaction that draws what is due."""

from collections.abc import Sequence

import msgspec

from gateway.accounts.store import find_account
from gateway.accounts.types import Account
from gateway.invoices import store
from gateway.invoices.types import Drawn, Invoice, InvoiceLine, LineKind
from gateway.kit.clock import month_begin_us, rfc3339
from gateway.kit.db import ReadConn, WriteConn
from gateway.kit.ids import new_id
from gateway.kit.money import NANOS_PER_CENT
from gateway.rollups.store import months_of
from gateway.statements.draw_up import EVERYTHING, draw_up
from gateway.statements.due import credit_cents
from gateway.statements.types import Statement

CENTS_MIN = 50
"""Stripe charges no less ($0.50, its docs: "minimum and maximum charge amounts"): less is carried on to the next invoice, and said so."""

Paid = tuple[str, int]
"""A grant, and how many nano-dollars of debt it paid when it was given."""


def draw(
    statement: Statement, paid: Sequence[Paid], carried: Sequence[Invoice], now_us: int
) -> tuple[Invoice, list[InvoiceLine]]:
    """The month's lines, what earlier invoices carried on, the credit that paid requests, and what was paid since."""
    invoice_id = new_id("inv")
    lines = [
        InvoiceLine(invoice_id=invoice_id, place=0, kind="usage", cents=line.cents, cost_nanousd=line.cost_nanousd, model=line.model,
                    token_class=line.token_class, discount_percent=line.discount_percent, tokens=line.tokens,
                    price_nanousd_per_mtok=line.price_nanousd_per_mtok)
        for line in statement.lines
    ]  # fmt: skip
    lines += [
        InvoiceLine(invoice_id=invoice_id, place=0, kind="carried", cents=earlier.total_cents, cost_nanousd=earlier.owed_nanousd, ref=earlier.id)
        for earlier in carried
    ]  # fmt: skip
    less: list[tuple[LineKind, str, int]] = [
        ("credit", each.grant_id, each.amount_nanousd) for each in statement.applied
    ]
    owed = sum(line.cost_nanousd for line in lines) - statement.applied_nanousd
    for grant_id, nanousd in paid:
        if part := min(nanousd, owed):
            less.append(("payment", grant_id, part))
            owed -= part
    rounded = credit_cents(sum(line.cents for line in lines), owed, [nanousd for _, _, nanousd in less])
    lines += [
        InvoiceLine(
            invoice_id=invoice_id, place=0, kind=kind, cents=-cents, cost_nanousd=-nanousd, ref=grant_id
        )
        for (kind, grant_id, nanousd), cents in zip(less, rounded, strict=True)
    ]
    total = sum(line.cents for line in lines)
    invoice = Invoice(id=invoice_id, account_id=statement.account_id, month=statement.month, created_us=now_us,
                      total_cents=total, owed_nanousd=owed, rounding_nanousd=total * NANOS_PER_CENT - owed,
                      first_seq=statement.first_seq, last_seq=statement.last_seq)  # fmt: skip
    return invoice, [msgspec.structs.replace(line, place=place) for place, line in enumerate(lines)]


def months_due(conn: ReadConn, account_id: str, since_us: int, now_us: int) -> list[str]:
    """Months with usage that are over, and since when there are invoices, and that have none: the oldest first."""
    drawn = {each.invoice.month for each in store.list_drawn(conn, account_id)}
    first, this = rfc3339(since_us)[:7], rfc3339(month_begin_us(now_us))[:7]
    months = (
        f"{1970 + number // 12:04}-{number % 12 + 1:02}" for number in sorted(months_of(conn, account_id))
    )
    return [month for month in months if first <= month < this and month not in drawn]


def draw_month(conn: WriteConn, account_id: str, month: str, since_us: int, now_us: int) -> Drawn | None:
    """Draws the month's invoice, in one transaction with what it says.  None: the statement may grow still, or it was drawn before.

    The account's earlier months are drawn already.
    """
    account: Account = find_account(conn, account_id)
    statement = draw_up(conn, account, month, now_us, unsummed_max=EVERYTHING)  # type: ignore[arg-type]  # it only reads
    if not statement.final:
        return None
    before = store.list_drawn(conn, account_id)
    named = {line.ref for each in before for line in each.lines if line.kind == "carried"}
    carried = [each.invoice for each in before if each.state == "carried" and each.invoice.id not in named]
    paid = store.list_debt_payments(conn, account_id, since_us)
    invoice, lines = draw(statement, paid, carried, now_us)
    if not store.insert_invoice(conn, invoice, lines):
        return None
    if invoice.total_cents < CENTS_MIN:
        store.add_state(conn, invoice.id, "carried" if invoice.owed_nanousd else "settled", now_us)
    return store.find_drawn(conn, invoice.id)
