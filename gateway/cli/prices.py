"""Commands about prices and bills: which there are, which will be, what a month cost and what it would have cost."""

from pathlib import Path
from typing import Annotated, Literal, Optional

import msgspec
import typer

from gateway.accounts import store as accounts
from gateway.acts.prices import publish_later
from gateway.catalog import read_toml
from gateway.catalog import store as catalog
from gateway.cli.show import AsJson, DataDir, actor, ledger, out, settings_of, show, table
from gateway.kit.clock import now_us, rfc3339
from gateway.kit.money import format_usd
from gateway.metering.rerate import Rerated
from gateway.metering.rerate import rerate as rerate_month
from gateway.statements.draw_up import EVERYTHING, draw_up, month_of
from gateway.statements.fields import statement_info
from gateway.statements.pdf import statement_pdf

prices_app = typer.Typer(no_args_is_help=True, help="What it costs.")


@prices_app.command("list")
def prices_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Every version of the price book, oldest first."""
    with ledger(settings_of(data_dir)) as database:
        books = database.read_now(catalog.list_books)
        in_force = database.read_now(lambda conn: catalog.in_force(conn, now_us())).version
    rows = [
        {
            "version": book.version,
            "effective_from": rfc3339(book.effective_from_us),
            "in_force": book.version == in_force,
            "models": len(book.models),
            "tiers": ", ".join(f"-{tier.discount_percent}%" for tier in book.tiers),
        }
        for book in books
    ]
    table(rows, as_json=as_json)


@prices_app.command("publish")
def prices_publish(file: Path, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Enter a price book (TOML) that takes effect later.  Gateways that run pick it up by themselves."""
    book = read_toml.read(file)
    with ledger(settings_of(data_dir)) as database:
        database.write_now(lambda conn: publish_later(conn, actor(), book))
    show({"version": book.version, "effective_from": rfc3339(book.effective_from_us)}, as_json=as_json)


def statement(
    account: str,
    month: Annotated[str, typer.Argument(help="Like 2026-11.")],
    form: Annotated[Literal["json", "html", "pdf"], typer.Option("--format")] = "json",
    output: Annotated[Optional[Path], typer.Option(help="A file; without it, standard output.")] = None,  # noqa: UP045
    data_dir: DataDir = None,
) -> None:
    """A month's bill of an account, from its usage events."""
    from gateway.statements.html import statement_html  # noqa: PLC0415 - Jinja takes 60 ms

    with ledger(settings_of(data_dir)) as database:
        found = database.read_now(lambda conn: accounts.find_account(conn, account))
        drawn = database.read_now(lambda conn: draw_up(conn, found, month, now_us(), unsummed_max=EVERYTHING))
    content = {
        "json": lambda: msgspec.json.format(msgspec.json.encode(statement_info(drawn)), indent=2),
        "html": lambda: statement_html(drawn).encode(),
        "pdf": lambda: statement_pdf(drawn),
    }[form]()
    if output is None:
        typer.echo(content)
    else:
        output.write_bytes(content)


def rerate(
    book: Annotated[Path, typer.Option(help="The other price book (TOML).")],
    month: Annotated[str, typer.Option(help="Like 2026-11.")],
    account: Annotated[Optional[str], typer.Option(help="Only this account.")] = None,  # noqa: UP045
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """What a month would have cost under another price book.  Nothing is written."""
    other = read_toml.read(book)
    begin_us, end_us = month_of(month)
    with ledger(settings_of(data_dir)) as database:
        chosen = (
            database.read_now(accounts.list_accounts)
            if account is None
            else [database.read_now(lambda conn: accounts.find_account(conn, account))]
        )
        rows = database.read_now(lambda conn: rerate_month(conn, chosen, begin_us, end_us, other))
    table([_rerated_fields(row) for row in rows], as_json=as_json)
    missing = sorted({row.model for row in rows if row.other_nanousd is None})
    if missing and not as_json:
        out.print(f"version {other.version} has no price for: {', '.join(missing)}", highlight=False)


def _rerated_fields(row: Rerated) -> dict[str, object]:
    other = row.other_nanousd
    return {
        "account": row.account,
        "model": row.model,
        "requests": row.requests,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": format_usd(row.cost_nanousd),
        "other_usd": None if other is None else format_usd(other),
        "difference_usd": None if other is None else format_usd(other - row.cost_nanousd),
    }
