"""The operator's pages: everybody's traffic and money, accounts, drift, and the check of the ledger."""

import time
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from gateway.accounts import store as accounts
from gateway.acts.accounts import give, open_account
from gateway.api.audit import audit_once
from gateway.api.wiring import TheGateway
from gateway.credit import store as credit
from gateway.credit.give import GIVEN_KINDS
from gateway.credit.types import GrantKind
from gateway.dashboard.chart import SERIES_MAX, Series, stacked
from gateway.dashboard.door import TheForm, TheViewer, operator_only
from gateway.dashboard.pulse import Pulse, count
from gateway.dashboard.render import page
from gateway.dashboard.split import endings
from gateway.dashboard.words import axis_usd
from gateway.errors import BadRequest
from gateway.kit.clock import DAY_US, month_begin_us, month_number, now_us, rfc3339
from gateway.kit.db import ReadConn
from gateway.kit.money import parse_usd
from gateway.metering import store as metering
from gateway.rollups import store as rollups
from gateway.rollups.types import Detail, Sums

DAYS = 30
PAGE = 100

ThePulse = NamedDependency[Pulse]


@get("/operator")
async def show_traffic(gateway: TheGateway, viewer: TheViewer, pulse: ThePulse) -> Response[str]:
    """What comes in, from everybody."""
    operator_only(viewer)
    found, look = await gateway.database.read(
        lambda conn: (_read_traffic(conn, now_us()), count(conn, now_us(), time.monotonic()))
    )
    router = gateway.router
    loads = [(worker, router.loads.of(worker.name)) for worker in gateway.workers.workers]
    return page("operator.html.j2", viewer, here="Traffic", **found, flow=pulse.beat(look), loads=loads,
                running=sum(load.requests for _, load in loads), waiting=router.waiting)  # fmt: skip


@get("/operator/accounts")
async def show_accounts(
    gateway: TheGateway, viewer: TheViewer, find: FromQuery[str] = "", after: FromQuery[str] = ""
) -> Response[str]:
    """Accounts by name, the credit of each and what it spent this month."""
    operator_only(viewer)
    found = await gateway.database.read(lambda conn: _read_accounts(conn, now_us(), find.strip(), after))
    return page("operator_accounts.html.j2", viewer, here="Accounts", **found, kinds=GIVEN_KINDS)


@post("/operator/accounts")
async def make_account(gateway: TheGateway, viewer: TheViewer, form: TheForm) -> Redirect:
    """Opens one: with the price book's sign-up credit, or with exactly this."""
    operator_only(viewer)
    book = gateway.catalog.book
    text = form.get("grant", "")
    amount = _usd(text, "grant") if text else book.sign_up_nanousd

    await gateway.database.write(
        lambda conn: open_account(
            conn, viewer.email, form.get("name", ""), grant_nanousd=amount, kind="top_up" if text else "sign_up",
            reason=f"dashboard, {viewer.email}", monthly_free_nanousd=None if text else book.monthly_free_nanousd,
        )
    )  # fmt: skip
    return Redirect("/dashboard/operator/accounts", status_code=303)


@post("/operator/accounts/{account_id:str}/grants")
async def make_grant(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], form: TheForm
) -> Redirect:
    """Gives credit, or takes some back."""
    operator_only(viewer)
    amount = _usd(form.get("amount", ""), "amount")
    kind: GrantKind = next((each for each in GIVEN_KINDS if each == form.get("kind")), "top_up")
    reason = form.get("reason") or f"dashboard, {viewer.email}"

    await gateway.database.write(
        lambda conn: give(conn, viewer.email, account_id, amount, kind=kind, reason=reason)
    )
    return Redirect("/dashboard/operator/accounts", status_code=303)


@get("/operator/ledger")
async def show_ledger(
    gateway: TheGateway, viewer: TheViewer, check: FromQuery[bool] = False
) -> Response[str]:
    """By how much counts differ; with `check`, everything derived again."""
    operator_only(viewer)
    drift = await gateway.database.read(metering.sum_drift)
    report = await gateway.database.read(audit_once) if check else None
    return page("operator_ledger.html.j2", viewer, here="Ledger", drift=drift, report=report)


def _read_traffic(conn: ReadConn, now: int) -> dict[str, Any]:
    today = now // DAY_US
    days = range(today - DAYS + 1, today + 1)
    series = _by_account(conn, days)
    labels = [rfc3339(day * DAY_US)[5:10] for day in days]
    begin = month_begin_us(now) // DAY_US
    [(_, this_month)] = rollups.sum_by(conn, "day", (begin, today + 1), kind=Detail)
    [(_, this_day)] = rollups.sum_by(conn, "day", (today, today + 1))
    return {
        "series": series,
        "chart": stacked(labels, series, axis_usd, f"Cost by day and account, {DAYS} days"),
        "month": this_month,
        "today": this_day,
        "endings": endings(this_month),
        "requests_in_all": this_month.requests,
        "days": DAYS,
    }


def biggest(conn: ReadConn, days: range, limit: int) -> dict[str, str]:
    """The names, by id, of the accounts that spent most in the months of these days; the largest first."""
    months = (month_number(days.start * DAY_US), month_number(days[-1] * DAY_US) + 1)
    spent = {
        str(account): sums.cost_nanousd
        for (account,), sums in rollups.sum_by(conn, "month", months, "account_id")
    }
    top = sorted(spent, key=lambda account: (-spent[account], account))[:limit]
    names = accounts.names_of(conn, top)
    return {account: names[account] for account in top}


def _by_account(conn: ReadConn, days: range) -> list[Series]:
    """The biggest accounts, and all others together: few days are read, of however many accounts."""
    top = biggest(conn, days, SERIES_MAX - 1)

    def costs(account_id: str | None) -> list[int]:
        found = rollups.sum_by(conn, "day", (days.start, days.stop), "period", account_id=account_id)
        by_day = {int(day): sums.cost_nanousd for (day,), sums in found}
        return [by_day.get(day, 0) for day in days]

    series = [Series(name, costs(account)) for account, name in top.items()]
    of_all = costs(None)
    rest = [of_all[place] - sum(each.values[place] for each in series) for place in range(len(days))]
    return [each for each in (*series, Series("other", rest)) if each.total]


def _read_accounts(conn: ReadConn, now: int, find: str, after: str) -> dict[str, Any]:
    shown = accounts.list_accounts(conn, find=find, after=after, limit=PAGE + 1)
    more, shown = len(shown) > PAGE, shown[:PAGE]
    balances = credit.list_balances(conn, [account.id for account in shown])
    month = month_number(now)

    def spent(account_id: str) -> Sums:
        return rollups.sum_by(conn, "month", (month, month + 1), account_id=account_id)[0][1]

    rows = [(account, balances[account.id], spent(account.id)) for account in shown if account.id in balances]
    query = urlencode(
        {name: value for name, value in (("find", find), ("after", shown[-1].name if more else "")) if value}
    )
    return {"rows": rows, "find": find, "next_url": f"/dashboard/operator/accounts?{query}" if more else None}


def _usd(text: str, param: str) -> int:
    try:
        return parse_usd(text.removeprefix("$"))
    except ValueError as error:
        raise BadRequest(f"{param}: {error}", param=param) from error
