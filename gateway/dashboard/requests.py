"""An account's requests, the last first, and the receipt of each with its place in the chain checked again."""

from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from gateway.api.wiring import TheGateway
from gateway.dashboard.door import TheViewer, around, enter
from gateway.dashboard.render import page
from gateway.keys import store as keys
from gateway.kit.db import ReadConn
from gateway.metering import store as metering
from gateway.metering.receipt import is_linked, read_receipt
from gateway.metering.types import Selection
from gateway.statements.draw_up import month_of

PAGE = 50


@get("/accounts/{account_id:str}/requests")
async def show_requests(
    gateway: TheGateway,
    viewer: TheViewer,
    account_id: FromPath[str],
    model: FromQuery[str] = "",
    key_id: FromQuery[str] = "",
    after: FromQuery[str] = "",
    request_id: FromQuery[str] = "",
    month: FromQuery[str] = "",
) -> Response[str] | Redirect:
    """Requests one by one, of a `month` like 2026-11 or of all time; `request_id` goes straight to its receipt."""
    account = await enter(gateway, viewer, account_id, "see_usage")
    if request_id.strip():
        return Redirect(
            f"/dashboard/accounts/{account_id}/requests/{urlencode({'': request_id.strip()})[1:]}"
        )
    begin_us, end_us = month_of(month) if month else (None, None)
    chosen = Selection(
        account_id=account_id, model=model or None, key_id=key_id or None, since_us=begin_us, until_us=end_us
    )
    found = await gateway.database.read(lambda conn: _read_requests(conn, chosen, after or None, month))
    models = [each.id for each in gateway.catalog.book.models]
    return page(
        "requests.html.j2",
        viewer,
        **around(account, viewer, "Requests"),
        **found,
        chosen=chosen,
        models=models,
        month=month,
    )


@get("/accounts/{account_id:str}/requests/{request_id:str}")
async def show_receipt(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], request_id: FromPath[str]
) -> Response[str]:
    """The bill of one request, and its place in the chain, derived again."""
    account = await enter(gateway, viewer, account_id, "see_usage")
    found = await gateway.database.read(lambda conn: _read_receipt(conn, account_id, request_id))
    return page("receipt.html.j2", viewer, **around(account, viewer, "Requests"), **found)


def _read_requests(conn: ReadConn, chosen: Selection, after: str | None, month: str) -> dict[str, Any]:
    assert chosen.account_id is not None
    found = metering.list_events(conn, chosen, limit=PAGE + 1, after=after)
    shown = found[:PAGE]
    query = {
        "model": chosen.model,
        "key_id": chosen.key_id,
        "month": month,
        "after": shown[-1].request_id if shown else None,
    }
    older = urlencode({name: value for name, value in query.items() if value})
    return {
        "requests": shown,
        "keys": {key.id: key.name for key in keys.list_keys(conn, chosen.account_id)},
        "next_url": f"/dashboard/accounts/{chosen.account_id}/requests?{older}"
        if len(found) > PAGE
        else None,
    }


def _read_receipt(conn: ReadConn, account_id: str, request_id: str) -> dict[str, Any]:
    receipt = read_receipt(conn, account_id, request_id)
    names = keys.names_of(conn, [receipt.event.key_id])
    return {
        **msgspec.structs.asdict(receipt),
        "key_name": names[receipt.event.key_id],
        "verified": is_linked(conn, receipt),
    }
