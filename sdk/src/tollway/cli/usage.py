"""`tollway usage`: what was used and what it cost, by day, model or key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer

from tollway import GroupBy, Money, Tollway, UsageRow
from tollway.cli import show
from tollway.cli.connect import connect

BARS = "▁▂▃▄▅▆▇█"
DAYS_MAX = 36_500
FIRST_DAY = date(2000, 1, 1)
_PARTS = ("input_image_tokens", "input_cached_tokens", "output_reasoning_tokens")
_NAMES = {
    "input_image_tokens": ">image",
    "input_cached_tokens": ">cached",
    "output_reasoning_tokens": ">reasoning",
}


def day(text: str) -> date:
    """On the command line.  Raises typer.BadParameter."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - days are UTC's
    except ValueError:
        found = date.min
    if found < FIRST_DAY:
        raise typer.BadParameter(f"{text!r} is no day since {FIRST_DAY}; write it like 2026-11-01")
    return found


def _bound(help_: str) -> Any:
    return typer.Option(parser=day, metavar="DAY", show_default=False, help=help_)


def usage(
    by: Annotated[GroupBy, typer.Option(help="What to sum up by.")] = "day",
    days: Annotated[
        int, typer.Option(min=1, max=DAYS_MAX, metavar="N", help="The last ones, with today (UTC).")
    ] = 30,
    since: Annotated[date | None, _bound("Instead of --days: the first day (UTC), like 2026-11-01.")] = None,
    until: Annotated[date | None, _bound("The first day that is left out.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Only this one.", show_default=False)
    ] = None,
    as_json: show.AsJson = False,
) -> None:
    """What was used and what it cost, by day, model or key."""
    since = since or (until or _today() + timedelta(days=1)) - timedelta(days=days)
    if until is not None and since >= until:
        raise typer.BadParameter(f"there is no day from {since} until {until}, which is left out")
    with connect() as client:
        rows = list(_all_rows(client, by, _midnight(since), _midnight(until) if until else None, model))
    if as_json:
        show.as_json(rows)
    elif rows:
        _print(rows, by, since)
    else:
        show.out().print(f"nothing was used since {since}")


def _print(rows: Sequence[UsageRow], by: GroupBy, since: date) -> None:
    out = show.out()
    parts = [name for name in _PARTS if any(getattr(row, name) for row in rows)]
    counted = ("requests", "input_tokens", "output_tokens", *parts)
    grid = show.table(by, ">requests", ">input", ">output", *(_NAMES[name] for name in parts), ">cost")
    for row in rows:
        grid.add_row(
            show.plain(_name(row, by)), *(f"{getattr(row, name):,}" for name in counted), str(row.cost)
        )
    sums = (f"{sum(getattr(row, name) for row in rows):,}" for name in counted)
    cost = sum(row.cost_nanousd for row in rows)
    show.total(grid, "total", *sums, str(Money(cost)))
    out.print(grid)
    if by == "day" and cost:
        out.print(f"\n{spark_line(rows, out.width)}", style="dim", soft_wrap=True)
    else:
        out.print(f"\nsince {since}", style="dim")


def _today() -> date:
    return datetime.now(UTC).date()


def _midnight(first: date) -> str:
    return f"{first}T00:00:00Z"


def _all_rows(
    client: Tollway, by: GroupBy, since: str, until: str | None, model: str | None
) -> Iterator[UsageRow]:
    """Page by page."""
    after: str | None = None
    more = True
    while more:
        page = client.usage.list(by, since, until, model=model, after=after)
        yield from page
        more, after = page.has_more, page.last_id


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
