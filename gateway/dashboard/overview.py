"""An account at a glance: what was spent, what is left and for how long, and what came in last."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from gateway.alerts import store as alerts
from gateway.alerts.types import OF_CREDIT, Firing, Rule
from gateway.api.wiring import TheGateway
from gateway.catalog.types import TOKEN_CLASSES, PriceBook
from gateway.credit import store as credit
from gateway.dashboard.alerts import said
from gateway.dashboard.chart import Series, largest, stacked
from gateway.dashboard.door import TheViewer, around, enter
from gateway.dashboard.figures import progress
from gateway.dashboard.render import page
from gateway.dashboard.split import added, endings
from gateway.dashboard.words import axis_usd
from gateway.errors import NotFound
from gateway.keys import store as keys
from gateway.kit.clock import DAY_US, month_begin_us, now_us, rfc3339
from gateway.kit.db import ReadConn
from gateway.metering import store as metering
from gateway.metering.types import Selection
from gateway.rollups import store as rollups
from gateway.rollups.outlook import RATE_DAYS, outlook
from gateway.rollups.types import Detail

DAYS = 30
LAST = 8
TIERS = 6
ALARMS = 20


@get("/accounts/{account_id:str}")
async def show_overview(gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str]) -> Response[str]:
    """Where an account stands."""
    account = await enter(gateway, viewer, account_id, "see_usage")
    book = gateway.catalog.book
    found = await gateway.database.read(lambda conn: read_overview(conn, account_id, book, now_us()))
    return page("overview.html.j2", viewer, **around(account, viewer, "Overview"), **found)


def read_overview(conn: ReadConn, account_id: str, book: PriceBook, now: int) -> dict[str, Any]:
    """The words of the page.  Reads sums by day, and as many events as it shows."""
    balance = credit.read_balance(conn, account_id)
    if balance is None:
        raise NotFound("this account has no balance")
    today = now // DAY_US
    first = min(today - DAYS + 1, month_begin_us(now) // DAY_US, today - RATE_DAYS)
    by_day = rollups.sum_by(
        conn, "day", (first, today + 1), "period", "model", kind=Detail, account_id=account_id
    )
    spent: dict[int, int] = {}
    requests_today = 0
    for (day, _), sums in by_day:
        spent[int(day)] = spent.get(int(day), 0) + sums.cost_nanousd
        requests_today += sums.requests if day == today else 0
    costs = {(int(day), str(model)): sums.cost_nanousd for (day, model), sums in by_day}
    days = range(today - DAYS + 1, today + 1)
    shown = added(sums for (day, _), sums in by_day if day in days)
    series = _by_model(costs, days)
    requests = metering.list_events(conn, Selection(account_id=account_id), limit=LAST)
    labels = [_day_name(day) for day in days]
    firings = alerts.list_firings(conn, account_id, limit=ALARMS, only_open=True)
    names = keys.names_of(conn, {rule.key_id for _, rule in firings if rule.key_id is not None})
    return {
        "balance": balance,
        "outlook": outlook(spent, balance.available_nanousd, now),
        "today_requests": requests_today,
        "endings": endings(shown),
        "requests_in_all": shown.requests,
        "days": DAYS,
        "series": series,
        "chart": stacked(labels, series, axis_usd, f"Cost by day, {DAYS} days") if series else None,
        "requests": requests,
        "keys": keys.names_of(conn, {each.key_id for each in requests}),
        "tiers": _tiers(conn, account_id, book, now),
        "behind": rollups.count_behind(conn, account_id),
        "alarms": [(firing, said(firing, rule, names)) for firing, rule in _loudest(firings)],
    }


def _loudest(firings: Sequence[tuple[Firing, Rule]]) -> list[tuple[Firing, Rule]]:
    """Of each rule that fires the threshold that says most: the highest, of credit the lowest."""
    found: dict[str, tuple[Firing, Rule]] = {}
    for firing, rule in firings:
        known = found.get(rule.id)
        louder = known is None or (firing.mark < known[0].mark) == (rule.kind in OF_CREDIT)
        if louder:
            found[rule.id] = (firing, rule)
    return list(found.values())


def _by_model(costs: dict[tuple[int, str], int], days: Sequence[int]) -> list[Series]:
    shown = {model for (day, model), cost in costs.items() if day in days and cost}
    return largest([Series(model, [costs.get((day, model), 0) for day in days]) for model in sorted(shown)])


def _tiers(conn: ReadConn, account_id: str, book: PriceBook, now: int) -> list[Any]:
    """The classes that are furthest: what a discount is nearest for."""
    month = rfc3339(now)[:7]
    prices = {
        (model.id, token_class): getattr(model.prices, token_class)
        for model in book.models
        for token_class in TOKEN_CLASSES
    }
    found = [
        progress(
            counter.model,
            counter.token_class,
            counter.tokens,
            book.tiers,
            prices.get((counter.model, counter.token_class), 0),
        )
        for counter in metering.read_tier_counters(conn, [account_id], [month])
        if counter.tokens
    ]
    return sorted(found, key=lambda each: -each.tokens)[:TIERS]


def _day_name(day: int) -> str:
    return rfc3339(day * DAY_US)[5:10]
