"""An invoice's lines derived again, from the receipts and the grants' own rows alone: what "explain this line" means."""

from collections import defaultdict

from sqlalchemy import select

from gateway.catalog.store import by_version
from gateway.credit.tables import grant_uses
from gateway.invoices.types import Drawn
from gateway.kit.clock import rfc3339
from gateway.kit.db import ReadConn
from gateway.kit.money import cents
from gateway.metering.receipt import Rater
from gateway.metering.store import walk_chain

Kind = tuple[str, str, int, int]
"""Model, token class, list price, discount."""


def explain(conn: ReadConn, drawn: Drawn) -> None:
    """Raises AssertionError: a line that does not follow from what lies under it."""
    invoice = drawn.invoice
    rater = Rater(lambda version: by_version(conn, version))
    sums: dict[Kind, list[int]] = defaultdict(lambda: [0, 0])
    paid: dict[str, int] = defaultdict(int)
    for event, place in walk_chain(conn, invoice.account_id):
        if rfc3339(event.created_us)[:7] != invoice.month:
            continue
        assert invoice.first_seq is not None and invoice.last_seq is not None
        assert invoice.first_seq <= place.account_seq <= invoice.last_seq, "the invoice names its receipts"
        for line in rater.lines(event):
            found = sums[event.model, line.token_class, line.price_nanousd_per_mtok, line.discount_percent]
            found[0] += line.tokens
            found[1] += line.cost_nanousd
        uses = select(grant_uses).where(grant_uses.c.used_by == event.request_id)
        for use in conn.execute(uses):
            paid[use.grant_id] += use.amount_nanousd
    for line in drawn.lines:
        if line.kind == "usage":
            kind = (line.model, line.token_class, line.price_nanousd_per_mtok, line.discount_percent)
            assert [line.tokens, line.cost_nanousd] == sums.pop(kind)
            assert line.cents == cents(line.cost_nanousd), "rounded once, half up"
        elif line.kind == "credit":
            assert -line.cost_nanousd == paid.pop(line.ref)
    assert not sums, "every token is on a line"
    assert not paid, "and all credit"
    assert sum(line.cents for line in drawn.lines) == invoice.total_cents >= 0
    assert sum(line.cost_nanousd for line in drawn.lines) == invoice.owed_nanousd >= 0
    assert invoice.rounding_nanousd == invoice.total_cents * 10_000_000 - invoice.owed_nanousd
