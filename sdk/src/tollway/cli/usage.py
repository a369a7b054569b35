"""`tollway usage`: what was used and what it cost, by day, model or key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Annotated

import typer

from tollway import GroupBy, Money, Tollway, UsageRow
from tollway.cli import show
from tollway.cli.connect import connect

BARS = "▁▂▃▄▅▆▇█"
DAYS, DAYS_MAX = 30, 36_500
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PARTS = ("input_image_tokens", "input_cached_tokens", "output_reasoning_tokens")
_NAMES = {
    "input_image_tokens": ">image",
    "input_cached_tokens": ">cached",
    "output_reasoning_tokens": ">reasoning",
}


def instant(text: str) -> str:
    """A day begins at midnight, UTC.  The gateway judges the rest."""
    return f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text


When = Annotated[
    str | None,
    typer.Option(parser=instant, metavar="DAY", show_default=False,
                 help="Like 2026-11-01 (UTC), or an instant like 2026-11-01T12:00:00Z."),
]  # fmt: skip


def usage(
    by: Annotated[GroupBy, typer.Option(help="What to sum up by.")] = "day",
    days: Annotated[
        int | None,
        typer.Option(
            min=1, max=DAYS_MAX, metavar="N", help="The last ones (UTC), with today. [default: 30]", show_default=False
        ),
    ] = None,
    since: When = None,
    until: When = None,
    model: Annotated[str | None, typer.Option(help="Only this one.", show_default=False)] = None,
    as_json: show.AsJson = False,
) -> None:
    """What was used and what it cost, by day, model or key; `--until` is the first moment that is left out."""
    if days is not None and (since or until):
        raise typer.BadParameter("--days goes without --since and --until")
    if not since and not until:
        since = f"{_today() - timedelta(days=(days or DAYS) - 1)}T00:00:00Z"
    with connect() as client:
        rows = list(_all_rows(client, by, since, until, model))
    if as_json:
        show.as_json(rows)
        return
    out = show.out()
    if not rows:
        out.print(f"nothing was used {_span(since, until)}")
        return
    parts = [name for name in _PARTS if any(getattr(row, name) for row in rows)]
    counted = ("requests", "input_tokens", "output_tokens", *parts)
    grid = show.table(by, ">requests", ">input", ">output", *(_NAMES[name] for name in parts), ">cost")
    for row in rows:
        grid.add_row(
            show.plain(_name(row, by)), *(f"{getattr(row, name):,}" for name in counted), str(row.cost)
        )
    sums = (f"{sum(getattr(row, name) for row in rows):,}" for name in counted)
    show.total(grid, "total", *sums, str(Money(sum(row.cost_nanousd for row in rows))))
    out.print(grid)
    if by == "day":
        out.print(f"\n{spark_line(rows, out.width)}", style="dim", soft_wrap=True)
    else:
        out.print(f"\n{_span(since, until)}", style="dim")


def _today() -> date:
    return datetime.now(timezone.utc).date()  # noqa: UP017 - Python 3.10 has no datetime.UTC


def _all_rows(
    client: Tollway, by: GroupBy, since: str | None, until: str | None, model: str | None
) -> Iterator[UsageRow]:
    """Page by page."""
    after: str | None = None
    more = True
    while more:
        page = client.usage.list(by, since, until, model=model, after=after)
        yield from page
        more, after = page.has_more, page.last_id


def _span(since: str | None, until: str | None) -> str:
    bounds = (f"since {since}" if since else "", f"until {until}" if until else "")
    return ", ".join(filter(None, bounds))


def _name(row: UsageRow, by: GroupBy) -> str:
    return str({"key": row.key_name or row.key_id, "model": row.model, "day": row.day}[by] or row.group)


def spark_line(rows: Sequence[UsageRow], columns: int) -> str:
    """A bar for each day from the first to the last, by its cost; a gap is a day that cost nothing.

    At most `columns` days, the newest.
    """
    costs = {date.fromisoformat(row.day): row.cost_nanousd for row in rows if row.day}
    last = max(costs)
    first = max(min(costs), last - timedelta(days=columns - 1))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    dearest = max(days, key=lambda day: costs.get(day, 0))
    peak = costs.get(dearest, 0)
    bars = "".join(_bar(costs.get(day, 0), peak) for day in days)
    return f"{bars}\n{first} to {last}, the most on {dearest}: {Money(peak)}"


def _bar(cost: int, peak: int) -> str:
    return BARS[-(-cost * len(BARS) // peak) - 1] if cost > 0 else " "
