"""`tollway login` and `tollway logout`: whose credit the other commands spend."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Annotated

import typer

from tollway import Tollway, _profile
from tollway.cli import show


def login(
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The gateway; else it is asked for.", show_default=False),
    ] = None,
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the key from stdin.")] = False,
) -> None:
    """Save an API key, in a file that only you can read, once the gateway has taken it."""
    if not key_stdin and not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask for the key; use --key-stdin")
    if base_url is None and not key_stdin:
        base_url = typer.prompt("Gateway", default=_profile.base_url(None, os.environ), err=True)
    where = _profile.base_url(base_url, os.environ)
    key = sys.stdin.readline() if key_stdin else getpass.getpass("API key (it is not shown): ")
    if not key.strip():
        raise typer.BadParameter("no key was given")
    with Tollway(key.strip(), where) as client:
        credit = client.credits.get()
    file = _profile.save(_profile.Account(key.strip(), where), os.environ)
    show.out().print(
        f"logged in at {where} as account {credit.account_id}; {credit.remaining} left", soft_wrap=True
    )
    show.remark(f"saved in {file}")
    if os.environ.get("TOLLWAY_API_KEY"):
        show.remark("TOLLWAY_API_KEY is set, and goes before what was saved")


def logout() -> None:
    """Forget the saved key.  It stays good elsewhere, until it is revoked."""
    said = "logged out" if _profile.forget(os.environ) else "nobody was logged in"
    show.out().print(said)
