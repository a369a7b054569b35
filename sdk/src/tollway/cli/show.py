"""What every command shares for printing: tables and remarks for people, JSON for programs, one line for a mistake.

rich is imported by whoever prints, so that `--help` does not wait for it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tollway import APIConnectionError, APITimeoutError, AuthenticationFailed, Money, TollwayError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ModelName = Annotated[
    str | None,
    typer.Option("--model", "-m", help="Left out, the only one that is served.", show_default=False),
]

PIPE_COLUMNS = 1000
"""A table that goes into a file or a program is not folded."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def out() -> Console:
    return _console(stderr=False)


def err() -> Console:
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console  # noqa: PLC0415 - see above

    plain = bool(os.environ.get("NO_COLOR"))  # rich alone would go on with bold and dim
    console = Console(
        stderr=stderr, highlight=False, markup=False, emoji=False, color_system=None if plain else "auto"
    )
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    return console


def plain(text: str) -> str:
    """Without control characters: what a model or a file's name says must not steer the terminal."""
    return _CONTROLS.sub("", text)


def table(*columns: str) -> Table:
    """`>name` is a column of numbers."""
    from rich import box  # noqa: PLC0415 - see above
    from rich.table import Table  # noqa: PLC0415

    grid = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, header_style="dim", border_style="dim")
    for name in columns:
        number = name.startswith(">")
        grid.add_column(
            name.removeprefix(">"), justify="right" if number else "left", no_wrap=number, overflow="fold"
        )
    return grid


def total(grid: Table, *cells: str) -> None:
    """The last line of a table, below a rule."""
    grid.show_footer = True
    for column, cell in zip(grid.columns, cells, strict=True):
        column.footer = cell


@contextmanager
def progress(what: str, steps: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr while it goes, where somebody looks; call what it gives for each step."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - see above

    console = err()
    columns = (TextColumn(what, style="dim"), BarColumn(complete_style="default"), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=steps)
        yield lambda: bar.advance(task)


def remark(text: str) -> None:
    """A dim line on stderr, beside what a program may read on stdout."""
    err().print(plain(text), style="dim", soft_wrap=True)


def as_json(value: object) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def price(nanousd: int | None) -> str:
    """Of a million tokens: exact, without the zeros that say nothing."""
    if nanousd is None:
        return "—"
    dollars, _, nanos = str(Money(nanousd)).partition(".")
    return f"{dollars}.{nanos.rstrip('0').ljust(2, '0')}"


def moment(instant: str | None) -> str:
    """`2026-11-23T13:05:00.123456Z` to the second, for people."""
    return f"{instant[:19].replace('T', ' ')} UTC" if instant else ""


def complain(error: Exception | str) -> None:
    """One line on stderr: what is wrong, how to mend it, and which request it was."""
    from rich.text import Text  # noqa: PLC0415 - see above

    said = error.message if isinstance(error, TollwayError) else str(error)
    request_id = getattr(error, "request_id", None)
    line = " ".join(f"{said}{_mend(error)}{f' (request {request_id})' if request_id else ''}".split())
    err().print(Text.assemble(("tollway: ", "red"), plain(line)), soft_wrap=True)


def _mend(error: Exception | str) -> str:
    if isinstance(error, AuthenticationFailed):
        return "; `tollway login` saves another key"
    if isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError):
        return " `tollway login --base-url URL` or TOLLWAY_BASE_URL says where it is"
    return ""
