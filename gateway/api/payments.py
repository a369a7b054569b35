"""`/v1/top_ups`, `/v1/auto_top_up`, `/v1/invoices`: what an account pays by card, and is billed.

Reading needs what reading usage needs.  What leads to a payment needs a key with the scope `payments`, which none has that was not
given it by name: a key that leaks from a program cannot charge a card.
"""

from typing import Annotated

from litestar import delete, get, post, put
from litestar.params import JSONBody, PathParameter, QueryParameter

from gateway.accounts.store import find_account
from gateway.acts.payments import remove_auto_top_up, set_auto_top_up
from gateway.api.customer import account_of
from gateway.api.filters import page
from gateway.api.schemas.payments import (
    AutoTopUpInfo,
    InvoiceInfo,
    InvoiceWithLines,
    NewAutoTopUp,
    NewTopUp,
    OrderedTopUp,
    RemovedAutoTopUp,
    TopUpInfo,
    auto_top_up_info,
    invoice_info,
    invoice_with_lines,
    ordered,
    top_up_info,
)
from gateway.api.schemas.shapes import ListOf, PageOf, usd
from gateway.api.wiring import After, TheCaller, TheGateway, TheStripe
from gateway.billing.store import find_sent
from gateway.billing.top_up import cents_of, order_top_up
from gateway.billing.types import Sent
from gateway.errors import NotFound
from gateway.invoices import store as invoices
from gateway.invoices.types import Drawn
from gateway.keys.allow import check_payments
from gateway.keys.types import Caller
from gateway.kit.db import ReadConn
from gateway.payments import store as payments

InvoiceId = Annotated[str, PathParameter(description="As the list of invoices has it: `inv_…`.")]
Limit = Annotated[int, QueryParameter(ge=1, le=1000)]


@post("/v1/top_ups", refusals=(404, 501, 502))
async def order(
    gateway: TheGateway, stripe: TheStripe, caller: TheCaller, data: JSONBody[NewTopUp]
) -> OrderedTopUp:
    """Order credit; somebody pays it at `url`, a page of Stripe's, by card.  The key that asks needs the scope `payments`."""
    account_id = paying(caller)
    cents = _cents(data.amount_usd, "amount_usd")
    border = stripe.require()
    account = await gateway.database.read(lambda conn: find_account(conn, account_id))
    found = await order_top_up(border, account, cents, caller.actor)
    return ordered(found.top_up, found.url)


@get("/v1/top_ups")
async def list_top_ups(gateway: TheGateway, caller: TheCaller, limit: Limit = 100) -> ListOf[TopUpInfo]:
    """List what was ordered, by hand and automatically, the newest first, and what came of it."""
    account_id = account_of(caller)
    found = await gateway.database.read(lambda conn: payments.list_top_ups(conn, account_id, limit))
    return ListOf([top_up_info(*each) for each in found])


@get("/v1/auto_top_up", refusals=(404,))
async def get_auto_top_up(gateway: TheGateway, caller: TheCaller) -> AutoTopUpInfo:
    """Tell the rule of automatic top-ups."""
    account_id = account_of(caller)
    rule = await gateway.database.read(lambda conn: payments.find_auto_top_up(conn, account_id))
    if rule is None:
        raise NotFound("this account does not top up by itself; PUT /v1/auto_top_up makes a rule")
    return auto_top_up_info(rule)


@put("/v1/auto_top_up", refusals=(409, 501))
async def put_auto_top_up(
    gateway: TheGateway, stripe: TheStripe, caller: TheCaller, data: JSONBody[NewAutoTopUp]
) -> AutoTopUpInfo:
    """Have the saved card charged whenever less is left.  It begins anew where it was paused.  The key that asks needs the scope `payments`."""
    account_id = paying(caller)
    below = usd(data.below_usd, "below_usd")
    cents, daily = _cents(data.amount_usd, "amount_usd"), _cents(data.daily_max_usd, "daily_max_usd")
    stripe.require()
    rule = await gateway.database.write(
        lambda conn: set_auto_top_up(conn, caller.actor, account_id, below_nanousd=below, cents=cents,
                                     daily_cents_max=daily)
    )  # fmt: skip
    return auto_top_up_info(rule)


@delete("/v1/auto_top_up", status_code=200)
async def delete_auto_top_up(gateway: TheGateway, caller: TheCaller) -> RemovedAutoTopUp:
    """Have nothing charged by itself any more.  The key that asks needs the scope `payments`."""
    account_id = paying(caller)
    await gateway.database.write(lambda conn: remove_auto_top_up(conn, caller.actor, account_id))
    return RemovedAutoTopUp(removed=True)


@get("/v1/invoices", refusals=(404,))
async def list_invoices(
    gateway: TheGateway, caller: TheCaller, limit: Limit = 100, after: After = None
) -> PageOf[InvoiceInfo]:
    """List the account's invoices, the newest month first."""
    account_id = account_of(caller)
    found = await gateway.database.read(lambda conn: read_invoices(conn, account_id, limit, after))
    return page(found, limit, lambda each: invoice_info(*each), lambda each: each[0].invoice.id)


@get("/v1/invoices/{invoice_id:str}", refusals=(404,))
async def get_invoice(gateway: TheGateway, caller: TheCaller, invoice_id: InvoiceId) -> InvoiceWithLines:
    """Tell an invoice line by line: what is asked for in cents, what it is exactly, and what is behind it."""
    account_id = account_of(caller)

    def read(conn: ReadConn) -> InvoiceWithLines:
        drawn = invoices.find_drawn(conn, invoice_id, account_id)
        return invoice_with_lines(drawn, find_sent(conn, [invoice_id]).get(invoice_id))

    return await gateway.database.read(read)


def paying(caller: Caller) -> str:
    """The account whose card may be charged.  Raises NotAllowed."""
    account_id = account_of(caller)
    check_payments(caller)
    return account_id


def read_invoices(
    conn: ReadConn, account_id: str | None, limit: int, after: str | None
) -> list[tuple[Drawn, Sent | None]]:
    """One more than `limit`, to see whether there are more; each with what Stripe made of it."""
    found = invoices.list_newest(conn, account_id=account_id, limit=limit + 1, after=after)
    sent = find_sent(conn, [each.invoice.id for each in found])
    return [(each, sent.get(each.invoice.id)) for each in found]


def _cents(text: str, param: str) -> int:
    return cents_of(usd(text, param), param)
