"""`tollway top-up` and `invoices`: how more credit comes, and what is billed."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from tollway import Invoice
from tollway.cli import show
from tollway.cli.connect import connect


def top_up(
    usd: Annotated[str, typer.Argument(help="US dollars, before tax.")], as_json: show.AsJson = False
) -> None:
    """Order credit: prints the page of Stripe's where somebody pays it, by card."""
    with connect() as client:
        found = client.credits.top_up(usd)
    if as_json:
        show.as_json(found)
        return
    out = show.out()
    out.print(found.url, soft_wrap=True, highlight=False, markup=False)
    out.print(f"{found.amount} more once it is paid there, within a day", style="dim")


def invoices(
    invoice_id: Annotated[Optional[str], typer.Argument(help="One of them, line by line: inv_…")] = None,  # noqa: UP045
    as_json: show.AsJson = False,
) -> None:
    """What was billed, month by month; or one invoice, line by line."""
    with connect() as client:
        one = None if invoice_id is None else client.invoices.get(invoice_id)
        found = [] if one else [*client.invoices.list()]
    if as_json:
        show.as_json(one or found)
    elif one:
        _show_one(one)
    elif not found:
        show.out().print("no invoice yet")
    else:
        grid = show.table("month", ">amount", "state", "number", "invoice")
        for each in found:
            grid.add_row(each.month, str(each.total), each.state, show.plain(each.number or ""), each.id)
        show.out().print(grid)


def _show_one(found: Invoice) -> None:
    out = show.out()
    out.print(f"{found.month}, {found.state}", style="bold")
    grid = show.table("line", ">exactly", ">to pay")
    for line in found.lines:
        grid.add_row(show.plain(line.description), str(line.cost), str(line.amount))
    show.total(grid, "total", f"${found.owed_usd}", str(found.total))
    out.print(grid)
    if found.url:
        out.print(found.url, soft_wrap=True, highlight=False, markup=False)
