"""The commands together, and how a mistake ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper

import typer

from tollway import TollwayError
from tollway.cli import show
from tollway.cli.account import credits_left, models, receipt
from tollway.cli.chat import INTERRUPTED, chat
from tollway.cli.estimate import estimate
from tollway.cli.keys import keys_app
from tollway.cli.login import login, logout
from tollway.cli.payments import invoices, top_up
from tollway.cli.usage import usage

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,  # plain help: it is there at once, and rich's boxes are not calmer
    pretty_exceptions_enable=False,
    help="Tollway: talk to models, and know what each answer costs.",
)
app.command()(login)
app.command()(logout)
app.command()(chat)
app.command()(estimate)
app.command()(models)
app.command("credits")(credits_left)
app.command()(usage)
app.command()(receipt)
app.command("top-up")(top_up)
app.command()(invoices)
app.add_typer(keys_app, name="keys")


def run(arguments: Sequence[str]) -> int:
    """The exit status."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without emoji is no reason to lose an answer
    try:
        return int(app(list(arguments) or ["--help"], prog_name="tollway", standalone_mode=False) or 0)
    except typer.TyperException as error:
        show.complain(_usage_error(error))
        return error.exit_code
    except typer.Abort:
        return INTERRUPTED
    except (
        UnicodeError
    ) as error:  # typed, or a file's name: as surrogates they get as far as what must be sent
        show.complain(f"what was given is no UTF-8 text ({error})")
        return 1
    except (TollwayError, OSError) as error:
        show.complain(error)
        return 1


def _usage_error(error: typer.TyperException) -> str:
    """With the place that says how it is done."""
    said = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    where = f"; see `{context.command_path} --help`" if context is not None else ""
    return f"{said[:1].lower()}{said[1:]}{where}"
