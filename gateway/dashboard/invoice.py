"""An invoice, explained: every line exactly and in cents, what it was rounded by, and the way to the requests behind it."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from gateway.api.wiring import TheGateway
from gateway.billing.store import find_sent
from gateway.dashboard.door import TheViewer, around, enter
from gateway.dashboard.paid import INVOICE_WORDS
from gateway.dashboard.render import page
from gateway.invoices.store import find_drawn
from gateway.invoices.words import line_words, title
from gateway.kit.db import ReadConn


@get("/accounts/{account_id:str}/billing/invoices/{invoice_id:str}")
async def show_invoice(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], invoice_id: FromPath[str]
) -> Response[str]:
    """Line by line."""
    account = await enter(gateway, viewer, account_id, "see_billing")
    found = await gateway.database.read(lambda conn: _read_invoice(conn, account_id, invoice_id))
    return page("invoice.html.j2", viewer, **around(account, viewer, "Billing"), **found)


def _read_invoice(conn: ReadConn, account_id: str, invoice_id: str) -> dict[str, Any]:
    drawn = find_drawn(conn, invoice_id, account_id)
    return {
        "invoice": drawn.invoice,
        "title": title(drawn.invoice.month),
        "lines": [(line, line_words(line)) for line in drawn.lines],
        "state": INVOICE_WORDS[drawn.state],
        "sent": find_sent(conn, [invoice_id]).get(invoice_id),
    }
