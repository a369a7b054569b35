"""`/admin/v1/stripe`: how the border to Stripe stands, and what an operator does about it; everybody's invoices."""

from typing import Annotated

from litestar import delete, get, post
from litestar.params import PathParameter, QueryParameter

from gateway.accounts import store as accounts
from gateway.acts.payments import lift_suspension, retry_intent
from gateway.api.filters import page
from gateway.api.payments import Limit, read_invoices
from gateway.api.schemas.border import (
    BorderInfo,
    IntentInfo,
    ReportInfo,
    SuspensionInfo,
    border_info,
    intent_info,
    report_info,
    suspension_info,
)
from gateway.api.schemas.payments import InvoiceInfo, invoice_info
from gateway.api.schemas.shapes import ListOf, PageOf
from gateway.api.wiring import AccountName, After, TheCaller, TheGateway, TheStripe
from gateway.billing import store as billing
from gateway.billing.report import count, last_report, mode_of, report
from gateway.billing.types import Intent, Sent
from gateway.invoices.types import Drawn
from gateway.kit.db import ReadConn, WriteConn

LISTED_MAX = 100


@get("/admin/v1/stripe")
async def get_border(gateway: TheGateway, stripe: TheStripe) -> BorderInfo:
    """Tell what waits at the border to Stripe, which accounts are suspended, and what the last reconciling found."""

    def read(conn: ReadConn) -> BorderInfo:
        return border_info(
            mode_of(stripe),
            count(conn),
            billing.list_intents(conn, LISTED_MAX, open_only=True),
            billing.list_news(conn, LISTED_MAX, open_only=True),
            accounts.list_all_suspensions(conn),
            last_report(conn),
        )

    return await gateway.database.read(read)


@post("/admin/v1/stripe/reconcile", status_code=200, refusals=(501, 502))
async def reconcile_now(stripe: TheStripe) -> ReportInfo:
    """Compare the ledger with Stripe, cent by cent, both ways.  It is done once a day by itself, and changes nothing."""
    return report_info(await report(stripe.require()))


@post("/admin/v1/stripe/outbox/{intent_id:str}/retry", status_code=200, refusals=(404, 409))
async def retry_outbox(
    gateway: TheGateway,
    caller: TheCaller,
    intent_id: Annotated[str, PathParameter(description="As the outbox has it.")],
) -> IntentInfo:
    """Have something that is frozen, or waits, tried again at once.  It looks at Stripe first whether it worked before."""
    intent: Intent = await gateway.database.write(lambda conn: retry_intent(conn, caller.actor, intent_id))
    return intent_info(intent)


@delete("/admin/v1/accounts/{name:str}/suspensions/{because_of:str}", status_code=200, refusals=(404,))
async def lift_account_suspension(
    gateway: TheGateway,
    caller: TheCaller,
    name: AccountName,
    because_of: Annotated[str, PathParameter(description="The dispute or the invoice.")],
) -> ListOf[SuspensionInfo]:
    """Lift a suspension.  Answers what else the account is suspended for: nothing, and it is served again."""

    def change(conn: WriteConn) -> list[SuspensionInfo]:
        account = accounts.find_account(conn, name)
        lift_suspension(conn, caller.actor, account.id, because_of)
        return [suspension_info(each) for each in accounts.list_suspensions(conn, account.id)]

    return ListOf(await gateway.database.write(change))


@get("/admin/v1/invoices", refusals=(404,))
async def list_all_invoices(
    gateway: TheGateway,
    account: Annotated[str | None, QueryParameter(description="Only this one's: a name or id.")] = None,
    limit: Limit = 100,
    after: After = None,
) -> PageOf[InvoiceInfo]:
    """List the invoices of all accounts, or of one, the newest month first."""

    def read(conn: ReadConn) -> list[tuple[Drawn, Sent | None]]:
        account_id = None if account is None else accounts.find_account(conn, account).id
        return read_invoices(conn, account_id, limit, after)

    found = await gateway.database.read(read)
    return page(found, limit, lambda each: invoice_info(*each), lambda each: each[0].invoice.id)
