"""`/v1/receipts`: an account's requests, in short and one by one; and for operators anybody's."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from gateway.api.customer import account_of
from gateway.api.filters import TheSelection, page
from gateway.api.schemas.shapes import PageOf
from gateway.api.schemas.usage import (
    AnyReceipt,
    ReceiptInfo,
    ReceiptSummary,
    any_receipt,
    receipt_info,
    receipt_summary,
)
from gateway.api.wiring import After, RequestId, TheCaller, TheGateway
from gateway.metering import store as metering
from gateway.metering.receipt import read_receipt


@get("/v1/receipts")
async def list_receipts(
    gateway: TheGateway,
    caller: TheCaller,
    selection: TheSelection,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    after: After = None,
) -> PageOf[ReceiptSummary]:
    """List the account's requests in short, the last to begin first.  The cursor is a `request_id`.

    One that still runs is listed, at its place, when it has ended.
    """
    mine = msgspec.structs.replace(selection, account_id=account_of(caller))
    found = await gateway.database.read(
        lambda conn: metering.list_events(conn, mine, limit=limit + 1, after=after)
    )
    return page(found, limit, receipt_summary, lambda event: event.request_id)


@get("/v1/receipts/{request_id:str}", refusals=(404,))
async def get_receipt(gateway: TheGateway, caller: TheCaller, request_id: RequestId) -> ReceiptInfo:
    """Itemize the bill of one request."""
    account_id = account_of(caller)
    return receipt_info(await gateway.database.read(lambda conn: read_receipt(conn, account_id, request_id)))


@get("/admin/v1/receipts/{request_id:str}", refusals=(404,))
async def get_any_receipt(gateway: TheGateway, request_id: RequestId) -> AnyReceipt:
    """Itemize the bill of any account's request, and say whose it is."""
    receipt = await gateway.database.read(lambda conn: read_receipt(conn, None, request_id))
    return any_receipt(receipt)
