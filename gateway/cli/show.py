"""What every command shares: where its settings come from, how it opens the ledger, how it prints."""

import getpass
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Optional

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from gateway.kit.db import Database, opened
from gateway.settings import Settings, load, parse_worker
from gateway.start import prepare

out = Console()
err = Console(stderr=True)

DataDir = Annotated[Optional[Path], typer.Option(help="Holds the SQLite file and secrets. [default: .data]")]  # noqa: UP045
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Workers = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--worker",
        help="URL[=model,model] of a worker; may be repeated. Without models its /v1/models is read.",
    ),
]


def workers_of(urls: list[str] | None) -> list[dict[str, Any]] | None:
    return None if not urls else [parse_worker(url) for url in urls]


def settings_of(data_dir: Path | None, **options: Any) -> Settings:
    return load(data_dir=None if data_dir is None else str(data_dir), **options)


def ledger(settings: Settings) -> AbstractContextManager[Database]:
    """The database, its schema and price book brought up to date."""
    prepare(settings)
    return opened(settings.database)


def actor() -> str:
    """Who it is in the audit log: whoever the operating system says."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"cli:{os.getuid()}"


def show(what: dict[str, Any] | msgspec.Struct, *, as_json: bool) -> None:
    fields = msgspec.to_builtins(what)
    if as_json:
        sys.stdout.write(msgspec.json.encode(fields).decode() + "\n")
        return
    for name, value in fields.items():
        out.print(f"[dim]{name:>14}[/]  {'' if value is None else value}", highlight=False, soft_wrap=True)


def table(what: Sequence[dict[str, Any] | msgspec.Struct], *, as_json: bool) -> None:
    rows = msgspec.to_builtins(what)
    if as_json:
        sys.stdout.write(msgspec.json.encode(rows).decode() + "\n")
        return
    if not rows:
        out.print("nothing yet")
        return
    grid = Table(box=None, header_style="dim")
    for name in rows[0]:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*("" if value is None else str(value) for value in row.values()))
    out.print(grid)
