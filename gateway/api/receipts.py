"""`/v1/receipts`: an account's requests, in short and one by one; and for operators anybody's."""

from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from gateway.api.customer import account_of
from gateway.api.filters import TheSelection, page
from gateway.api.schemas.shapes import PageOf
from gateway.api.schemas.usage import event_fields, receipt_fields
from gateway.api.wiring import TheCaller, TheGateway
from gateway.metering import store as metering
from gateway.metering.receipt import read_receipt


@get("/v1/receipts")
async def list_receipts(
    gateway: TheGateway,
    caller: TheCaller,
    selection: TheSelection,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    after: FromQuery[str | None] = None,
) -> PageOf:
    """The account's requests, the last to begin first; one that still runs is listed when it has ended.

    `after` is the `request_id` of the last row that was seen.
    """
    mine = msgspec.structs.replace(selection, account_id=account_of(caller))
    found = await gateway.database.read(
        lambda conn: metering.list_events(conn, mine, limit=limit + 1, after=after)
    )
    return page(found, limit, event_fields, lambda event: event.request_id)


@get("/v1/receipts/{request_id:str}")
async def get_receipt(gateway: TheGateway, caller: TheCaller, request_id: FromPath[str]) -> dict[str, Any]:
    """One request's bill, line by line; `x-request-id` of its answer names it."""
    account_id = account_of(caller)
    return receipt_fields(
        await gateway.database.read(lambda conn: read_receipt(conn, account_id, request_id))
    )


@get("/admin/v1/receipts/{request_id:str}")
async def get_any_receipt(gateway: TheGateway, request_id: FromPath[str]) -> dict[str, Any]:
    """Any account's, and whose it is."""
    receipt = await gateway.database.read(lambda conn: read_receipt(conn, None, request_id))
    return {**receipt_fields(receipt), "account_id": receipt.event.account_id}
