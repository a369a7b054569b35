"""A month's bill, for the account and for the operator: as JSON, as a page, as a PDF."""

import asyncio
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.params import FromQuery

from gateway.accounts import store as accounts
from gateway.api.customer import account_of
from gateway.api.wiring import AccountName, Month, TheCaller, TheGateway
from gateway.inference.gateway import Gateway
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn
from gateway.statements.draw_up import draw_up
from gateway.statements.fields import StatementInfo, statement_info
from gateway.statements.pdf import statement_pdf
from gateway.statements.types import Statement

Format = Literal["json", "html", "pdf"]
ANSWERS = {"application/json": StatementInfo, "text/html": None, "application/pdf": None}


@get("/v1/statements/{month:str}", answers=ANSWERS, refusals=(404, 501))
async def get_statement(
    gateway: TheGateway,
    caller: TheCaller,
    month: Month,
    format: FromQuery[Format] = "json",  # noqa: A002 - the parameter's name
) -> Response[bytes]:
    """Draw up the account's bill of a calendar month.  Preliminary while the month runs, and for an hour after it."""
    return await _answer(gateway, account_of(caller), month, format)


@get("/admin/v1/accounts/{name:str}/statements/{month:str}", answers=ANSWERS, refusals=(404, 501))
async def get_account_statement(
    gateway: TheGateway,
    name: AccountName,
    month: Month,
    format: FromQuery[Format] = "json",  # noqa: A002 - the parameter's name
) -> Response[bytes]:
    """Draw up any account's bill of a calendar month."""
    return await _answer(gateway, name, month, format)


async def _answer(gateway: Gateway, account: str, month: str, form: Format) -> Response[bytes]:
    def read(conn: ReadConn) -> Statement:
        found = accounts.find_account(conn, account)
        return draw_up(conn, found, month, now_us())

    statement = await gateway.database.read(read)
    if form == "json":
        return Response(msgspec.json.encode(statement_info(statement)), media_type="application/json")
    if form == "html":
        from gateway.statements.html import CONTENT_SECURITY_POLICY, statement_html  # noqa: PLC0415 - Jinja takes 60 ms

        policy = f"{CONTENT_SECURITY_POLICY}; frame-ancestors 'none'"
        page = await asyncio.to_thread(statement_html, statement)
        return Response(page.encode(), media_type="text/html", headers={"content-security-policy": policy})
    pdf = await asyncio.to_thread(statement_pdf, statement)
    name = f'inline; filename="tollway-{month}.pdf"'
    return Response(pdf, media_type="application/pdf", headers={"content-disposition": name})
