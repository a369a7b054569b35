"""The operator's page of margins: what requests were billed beside what the workers cost that answered them.

A margin is stated only of requests whose worker's cost is known; how much of the revenue that is, is said beside it.
"""

from typing import Any

from litestar import Response, get
from litestar.params import FromQuery

from gateway.api.wiring import TheGateway
from gateway.dashboard.chart import Series, stacked
from gateway.dashboard.door import TheViewer, operator_only
from gateway.dashboard.operator import biggest
from gateway.dashboard.render import page
from gateway.dashboard.words import axis_usd
from gateway.errors import BadRequest
from gateway.kit.clock import DAY_US, month_begin_us, now_us, rfc3339
from gateway.kit.db import ReadConn
from gateway.rollups import store as rollups
from gateway.rollups.types import Sums

ACCOUNTS = 50
DAYS = 30
MONTH, LAST = "this month", f"last {DAYS} days"


@get("/operator/margins")
async def show_margins(gateway: TheGateway, viewer: TheViewer, time: FromQuery[str] = MONTH) -> Response[str]:
    """By model, by account and by day, of this month or the last 30 days."""
    operator_only(viewer)
    days = _days(time, now_us())
    found = await gateway.database.read(lambda conn: _read(conn, days))
    unsaid = [worker.name for worker in gateway.workers.workers if not worker.says_cost]
    return page("operator_margins.html.j2", viewer, here="Margins", **found, time=time, times=(MONTH, LAST),
                unsaid=unsaid)  # fmt: skip


def _days(time: str, now: int) -> range:
    """As numbers since 1970, today the last.  Raises BadRequest."""
    today = now // DAY_US
    if time == MONTH:
        return range(month_begin_us(now) // DAY_US, today + 1)
    if time == LAST:
        return range(today - DAYS + 1, today + 1)
    raise BadRequest(f"time is {MONTH!r} or {LAST!r}, not {time!r}", param="time")


def _read(conn: ReadConn, days: range) -> dict[str, Any]:
    between = (days.start, days.stop)
    by_day = {int(day): sums for (day,), sums in rollups.sum_by(conn, "day", between, "period")}
    series = _series([by_day.get(day, Sums()) for day in days])
    labels = [rfc3339(day * DAY_US)[5:10] for day in days]
    names = biggest(conn, days, ACCOUNTS)
    of_account = [
        (rollups.sum_by(conn, "day", between, account_id=account)[0][1], account, name)
        for account, name in names.items()
    ]
    return {
        "series": series,
        "chart": stacked(labels, series, axis_usd, "Revenue by day, and what the workers cost"),
        "total": rollups.sum_by(conn, "day", between)[0][1],
        "models": _largest_first(
            (sums, "", str(model)) for (model,), sums in rollups.sum_by(conn, "day", between, "model")
        ),
        "accounts": _largest_first(each for each in of_account if each[0].requests),
        "accounts_max": ACCOUNTS,
    }


def _largest_first(rows: Any) -> list[tuple[Sums, str, str]]:
    """Of sums, an account's id or nothing, and a name."""
    return sorted(rows, key=lambda row: (-row[0].cost_nanousd, -row[0].worker_cost_nanousd, row[2]))


def _series(days: list[Sums]) -> list[Series]:
    """Parts, none below zero, that add up to the revenue, or to what the workers cost where that is more."""
    parts = {
        "worker cost": [min(day.worker_cost_nanousd, day.cost_known_nanousd) for day in days],
        "margin": [max(day.margin_nanousd, 0) for day in days],
        "worker cost beyond revenue": [max(-day.margin_nanousd, 0) for day in days],
        "revenue, cost not known": [day.cost_nanousd - day.cost_known_nanousd for day in days],
    }
    return [Series(name, values) for name, values in parts.items() if any(values)]
