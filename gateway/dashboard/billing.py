"""What an account was given and what is left of it, its statements month by month; where cards are taken, also what was paid."""

from collections.abc import Iterator
from typing import Any

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from gateway.accounts.types import Account
from gateway.api.wiring import TheGateway, TheStripe
from gateway.billing.border import Stripe
from gateway.credit import store as credit
from gateway.credit.types import NEVER_US
from gateway.dashboard.door import TheViewer, around, enter
from gateway.dashboard.paid import read_paid, read_top_up
from gateway.dashboard.render import CONTENT_SECURITY_POLICY, HEADERS, page
from gateway.errors import NotFound
from gateway.inference.gateway import Gateway
from gateway.kit.clock import month_number, month_us, now_us, rfc3339
from gateway.kit.db import ReadConn
from gateway.people.types import Viewer
from gateway.rollups import store as rollups
from gateway.statements.draw_up import draw_up
from gateway.statements.html import CONTENT_SECURITY_POLICY as STATEMENT_POLICY
from gateway.statements.html import statement_html
from gateway.statements.pdf import statement_pdf
from gateway.statements.words import GRANT_WORDS, month_name

MONTHS = 12
PRESETS = (10, 50, 100, 500)
"""US dollars."""
TO_STRIPE = {
    "content-security-policy": CONTENT_SECURITY_POLICY.replace(
        "form-action 'self'", "form-action 'self' https://checkout.stripe.com https://billing.stripe.com"
    )
}
"""Browsers look at where a form's answer leads, too: this page's forms may end at Stripe's two addresses, and at no other."""


@get("/accounts/{account_id:str}/billing")
async def show_billing(
    gateway: TheGateway,
    stripe: TheStripe,
    viewer: TheViewer,
    account_id: FromPath[str],
    topped_up: FromQuery[str] = "",
) -> Response[str]:
    """Credit and statements; `topped_up`: somebody comes back from paying this."""
    account = await enter(gateway, viewer, account_id, "see_billing")
    return await billing_page(gateway, stripe, viewer, account, topped_up=topped_up)


async def billing_page(
    gateway: Gateway, stripe: Stripe, viewer: Viewer, account: Account, *, topped_up: str = ""
) -> Response[str]:
    now = now_us()

    def read(conn: ReadConn) -> dict[str, Any]:
        found = _read_billing(conn, account.id, now)
        found["paid"] = read_paid(conn, account.id) if stripe.is_on else None
        found["coming"] = read_top_up(conn, account.id, topped_up) if stripe.is_on and topped_up else None
        return found

    found = await gateway.database.read(read)
    headers = TO_STRIPE if stripe.is_on else {}
    return page(
        "billing.html.j2",
        viewer,
        headers=headers,
        **around(account, viewer, "Billing"),
        **found,
        presets=PRESETS,
    )


@get("/accounts/{account_id:str}/billing/{month:str}")
async def show_statement(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], month: FromPath[str]
) -> Response[bytes]:
    """The bill of a month: `2026-11` as a page that can be kept, `2026-11.pdf` to send."""
    account = await enter(gateway, viewer, account_id, "see_billing")
    name = month.removesuffix(".pdf")
    statement = await gateway.database.read(lambda conn: draw_up(conn, account, name, now_us()))
    if name == month:
        policy = {"content-security-policy": f"{STATEMENT_POLICY}; frame-ancestors 'none'"}
        return Response(statement_html(statement).encode(), media_type="text/html; charset=utf-8",
                        headers={**HEADERS, **policy})  # fmt: skip
    headers = {**HEADERS, "content-disposition": f'inline; filename="tollway-{name}.pdf"'}
    return Response(statement_pdf(statement), media_type="application/pdf", headers=headers)


def _read_billing(conn: ReadConn, account_id: str, now: int) -> dict[str, Any]:
    balance = credit.read_balance(conn, account_id)
    if balance is None:
        raise NotFound("this account has no balance")
    left = {grant.grant_id: grant for grant in credit.list_open_grants(conn, account_id)}
    return {
        "balance": balance,
        "grants": [(grant, left.get(grant.id)) for grant in reversed(credit.list_grants(conn, account_id))],
        "grant_words": GRANT_WORDS,
        "renews_us": None if balance.renew_us == NEVER_US else balance.renew_us,
        "months": list(_months(conn, account_id, now)),
    }


def _months(conn: ReadConn, account_id: str, now: int) -> Iterator[tuple[str, str, int, int]]:
    """The last ones in which something was asked: their name for the address and for people, requests and cost."""
    last = month_number(now)
    found = rollups.sum_by(conn, "month", (last - MONTHS + 1, last + 1), "period", account_id=account_id)
    for (number,), sums in reversed(found):
        month = rfc3339(month_us(int(number)))[:7]
        yield month, month_name(month), sums.requests, sums.cost_nanousd
