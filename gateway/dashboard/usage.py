"""The usage explorer: sums of a time, by what one asks, as a chart, a table and a CSV file.  Its address says it all."""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, get_args
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath
from markupsafe import Markup

from gateway.api.wiring import TheGateway
from gateway.catalog.types import TOKEN_CLASSES
from gateway.dashboard.chart import Series, largest, stacked
from gateway.dashboard.door import TheViewer, around, enter
from gateway.dashboard.render import HEADERS, page
from gateway.dashboard.split import added, classes, endings
from gateway.dashboard.words import about, axis_usd, count, duration, money, token_class
from gateway.errors import BadRequest
from gateway.keys import store as keys
from gateway.kit.clock import DAY_US, HOUR_US, rfc3339
from gateway.kit.db import ReadConn
from gateway.kit.money import format_usd
from gateway.metering.types import OUTCOMES
from gateway.projects.store import list_projects
from gateway.rollups import store as rollups
from gateway.rollups.types import By, Detail, Period
from gateway.statements.words import exact

Measure = Literal["cost", "tokens", "requests"]
Group = Literal["model", "key", "project", "token class", "outcome"]
DAYS = 30
DAYS_MAX = 400
HOURS_DAYS_MAX = 14
_MEASURES: dict[Measure, Callable[[Detail], int]] = {
    "cost": lambda sums: sums.cost_nanousd,
    "tokens": lambda sums: sums.input_tokens + sums.output_tokens,
    "requests": lambda sums: sums.requests,
}
_APART: dict[tuple[str, Measure], Callable[[Detail], dict[str, int]]] = {
    ("token class", "cost"): lambda sums: {token_class(name): cost for name, _, cost in classes(sums)},
    ("token class", "tokens"): lambda sums: {
        token_class(name): count for name, count in sums.class_tokens.items()
    },
    ("outcome", "requests"): lambda sums: {words: number for _, words, number, _ in endings(sums)},
}
"""What sums are taken apart by, and of which measure: money and tokens have classes, requests have an end."""
_INSTEAD: dict[str, Measure] = {"token class": "cost", "outcome": "requests"}
_WRITTEN: dict[Measure, Callable[[int], str]] = {"cost": axis_usd, "tokens": about, "requests": about}
_BY: dict[Group, By] = {"key": "key_id", "project": "project_id"}
NO_PROJECT = "in no project"
_NUMBERS = ("requests", "unbilled_requests", "input_tokens", "input_image_tokens", "input_cached_tokens",
            "output_tokens", "output_reasoning_tokens")  # fmt: skip


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at.  Days are UTC, and `until` is the last of them; empty `model`, `key_id` and `project_id`: all."""

    since: date
    until: date
    measure: Measure = "cost"
    group: Group = "model"
    period: Period = "day"
    model: str = ""
    key_id: str = ""
    project_id: str = ""

    @property
    def numbers(self) -> range:
        """The periods, as numbers since 1970."""
        each = 1 if self.period == "day" else 24
        first, last = ((day - date(1970, 1, 1)).days for day in (self.since, self.until))
        return range(first * each, (last + 1) * each)

    def label(self, number: int) -> str:
        text = rfc3339(number * (DAY_US if self.period == "day" else HOUR_US))
        return text[:10] if self.period == "day" else f"{text[:10]} {text[11:16]}"

    def mark(self, number: int) -> str:
        """The label's end, which an axis has room for."""
        return self.label(number)[5:]

    @property
    def stacks(self) -> Group:
        """What the colours are: as asked, or models where the measure is not split so."""
        return "model" if self.elsewhere else self.group

    @property
    def elsewhere(self) -> Measure | None:
        """The measure that is split as asked, where this one is not."""
        split = self.group not in _INSTEAD or (self.group, self.measure) in _APART
        return None if split else _INSTEAD[self.group]

    def query(self) -> str:
        return urlencode({name: str(value) for name, value in msgspec.structs.asdict(self).items() if value})


def view_of(query: dict[str, str], today: date) -> View:
    """Raises BadRequest: what was asked for is none of this page's."""
    known = {name: value for name, value in query.items() if name in View.__struct_fields__ and value}
    until = known.pop("until", None) or str(today)
    try:
        since = known.pop("since", None) or str(date.fromisoformat(until) - timedelta(days=DAYS - 1))
        view = msgspec.convert({**known, "since": since, "until": until}, View)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadRequest(f"this address asks for what there is not: {error}") from error
    days = (view.until - view.since).days + 1
    limit = DAYS_MAX if view.period == "day" else HOURS_DAYS_MAX
    if not 1 <= days <= limit:
        raise BadRequest(f"choose a time of 1 to {limit} days by {view.period}; this one has {days}")
    return view


@get("/accounts/{account_id:str}/usage")
async def show_usage(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], request: Request[Any, Any, Any]
) -> Response[str]:
    """Sums of a time, by model, key, project, token class or outcome."""
    account = await enter(gateway, viewer, account_id, "see_usage")
    view = view_of(dict(request.query_params), datetime.now(UTC).date())
    found = await gateway.database.read(lambda conn: read_usage(conn, account_id, view))
    models = [model.id for model in gateway.catalog.book.models]
    csv_url = f"/dashboard/accounts/{account_id}/usage.csv?{view.query()}"
    return page("usage.html.j2", viewer, **around(account, viewer, "Usage"), **found, view=view, models=models,
                csv_url=csv_url, split_url=_split_url(view), measures=get_args(Measure), groups=get_args(Group))  # fmt: skip


@get("/accounts/{account_id:str}/usage.csv")
async def get_usage_csv(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], request: Request[Any, Any, Any]
) -> Response[str]:
    """The same sums by period, key, project and model, for a spreadsheet; amounts are exact, and those of the classes add up to the cost."""
    account = await enter(gateway, viewer, account_id, "see_usage")
    view = view_of(dict(request.query_params), datetime.now(UTC).date())
    text = await gateway.database.read(lambda conn: as_csv(conn, account_id, view))
    name = f"usage-{view.since}-{view.until}.csv"
    headers = {**HEADERS, "content-disposition": f'attachment; filename="{name}"'}
    assert account.id == account_id
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _split_url(view: View) -> str | None:
    """Where what was asked for can be seen, when this is not it."""
    instead = view.elsewhere
    return f"?{msgspec.structs.replace(view, measure=instead).query()}" if instead else None


def read_usage(conn: ReadConn, account_id: str, view: View) -> dict[str, Any]:
    """The words of the page."""
    names = {key.id: key.name for key in keys.list_keys(conn, account_id)}
    groups = {project.id: project.name for project in list_projects(conn, account_id)}
    found = _sums(conn, account_id, view, "period", _BY.get(view.group, "model"))
    stacks, table = _stacks(
        found, view, {"key": names, "project": {"": NO_PROJECT, **groups}}.get(view.group, {})
    )
    numbers = view.numbers
    ordered = largest(
        [Series(name, [values.get(number, 0) for number in numbers]) for name, values in stacks.items()]
    )
    series = [each for each in ordered if each.total]
    written = _WRITTEN[view.measure]
    heading = (
        f"{view.measure.capitalize()} by {view.period} and {view.stacks}, {view.since} to {view.until} (UTC)"
    )
    total = added(sums for _, sums in found)
    return {
        "heading": heading,
        "keys": names,
        "projects": groups,
        "series": series,
        "chart": stacked([view.mark(number) for number in numbers], series, written, heading),
        "written": money if view.measure == "cost" else written,
        "rows": sorted(table.items(), key=lambda row: -row[1].cost_nanousd),
        "total": total,
        "classes": classes(total),
        "endings": endings(total),
        "requests_in_all": total.requests,
        "row_name": view.group if view.group in _BY else "model",
        "numbers": _cells,
    }


def as_csv(conn: ReadConn, account_id: str, view: View) -> str:
    """A line for each period, key, project and model in which there was something."""
    names = {key.id: key.name for key in keys.list_keys(conn, account_id)}
    groups = {project.id: project.name for project in list_projects(conn, account_id)}
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(
        [
            view.period,
            "key_id",
            "key_name",
            "project_id",
            "project_name",
            "model",
            *_NUMBERS,
            "duration_us",
            *(f"{name}_requests" for name in OUTCOMES),
            *(f"{name}_usd" for name in (*TOKEN_CLASSES, "unsplit")),
            "cost_usd",
        ]
    )
    by: tuple[By, ...] = ("period", "key_id", "project_id", "model")
    for (number, key_id, project_id, model), sums in _sums(conn, account_id, view, *by):
        counted = [getattr(sums, name) for name in _NUMBERS]
        name = _harmless(names.get(str(key_id), ""))
        project = _harmless(groups.get(str(project_id), ""))
        costs = (*sums.class_nanousd.values(), sums.unsplit_nanousd, sums.cost_nanousd)
        lines.writerow([view.label(int(number)), key_id, name, project_id, project, _harmless(str(model)), *counted, sums.duration_us,
                        *sums.outcomes.values(), *map(format_usd, costs)])  # fmt: skip
    return out.getvalue()


def _sums(conn: ReadConn, account_id: str, view: View, *by: By) -> list[tuple[tuple[str | int, ...], Detail]]:
    numbers = view.numbers
    return rollups.sum_by(
        conn, view.period, (numbers.start, numbers.stop), *by, kind=Detail, account_id=account_id,
        key_ids=[view.key_id] if view.key_id else [],
        project_ids=[view.project_id] if view.project_id else [], models=[view.model] if view.model else [],
    )  # fmt: skip


def _stacks(
    found: Sequence[tuple[tuple[str | int, ...], Detail]], view: View, names: dict[str, str]
) -> tuple[dict[str, dict[int, int]], dict[str, Detail]]:
    """The chart's values by name and period, and the table's sums by name."""
    stacks: dict[str, dict[int, int]] = {}
    rows: dict[str, list[Detail]] = {}
    for (number, group), sums in found:
        name = names.get(str(group), str(group))
        rows.setdefault(name, []).append(sums)
        apart = _APART.get((view.group, view.measure))
        parts = apart(sums) if apart else {name: _MEASURES[view.measure](sums)}
        for each, value in parts.items():
            stack = stacks.setdefault(each, {})
            stack[int(number)] = stack.get(int(number), 0) + value
    return stacks, {name: added(each) for name, each in rows.items()}


def _cells(sums: Detail) -> Markup:
    """The numbers of a row of the table."""
    mean = duration(sums.duration_us // sums.requests) if sums.requests else ""
    cells = [*(count(getattr(sums, name)) for name in _NUMBERS), mean, exact(sums.cost_nanousd)]
    return Markup("").join(Markup('<td class="n">{}</td>').format(cell) for cell in cells)


def _harmless(text: str) -> str:
    """A spreadsheet takes what begins so for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
