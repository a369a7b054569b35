"""`tollway keys`: the account's keys.  A new secret goes to stdout, bare, and all that is said about it to stderr."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from tollway import Key, Money, NewKey, _profile
from tollway.cli import show
from tollway.cli.connect import connect, usd

keys_app = typer.Typer(
    rich_markup_mode=None, help="The account's keys; a key that manages keys makes and ends others."
)

KeyId = Annotated[str, typer.Argument(help="As `tollway keys list` names it: key_…")]
_WINDOWS = {"day": "a day", "month": "a month", "total": "in all"}


def _cap(window: str) -> Any:
    said = f"The most it may spend {_WINDOWS[window]} (UTC), in dollars."
    return typer.Option(parser=usd, metavar="USD", show_default=False, help=said)


@keys_app.command("list")
def list_keys(as_json: show.AsJson = False) -> None:
    """All of them, by their first characters; revoked ones are dimmed."""
    with connect() as client:
        found = client.keys.list()
    if as_json:
        show.as_json(found)
        return
    grid = show.table("id", "name", "key", ">a day", ">a month", ">in all", "since", "last used")
    for key in found:
        ends = f" until {key.expires_at[:10]}" if key.expires_at else ""
        until = f"revoked {key.revoked_at[:10]}" if key.revoked_at else key.created_at[:10] + ends
        caps = (_amount(getattr(key, f"cap_{window}_usd")) for window in _WINDOWS)
        name = f"{key.name} (manages keys)" if key.manages_keys else key.name
        grid.add_row(
            key.id,
            show.plain(name),
            key.hint,
            *caps,
            until,
            (key.last_used_at or "never")[:10],
            style="dim" if key.revoked_at else "",
        )
    show.out().print(grid)


@keys_app.command()
def create(
    name: Annotated[str, typer.Argument(help="What lists show.")],
    cap_day: Annotated[Money | None, _cap("day")] = None,
    cap_month: Annotated[Money | None, _cap("month")] = None,
    cap_total: Annotated[Money | None, _cap("total")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="It may only this: chat, fim, embeddings, usage:read. Several times."),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="It may use only this model. Several times.")
    ] = None,
    ip: Annotated[
        list[str] | None,
        typer.Option(help="It may be used only from this address or network. Several times."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="When it ends: 2027-01-01T00:00:00Z.")
    ] = None,
) -> None:
    """Make a key.  It is printed now and never again; it may no more than the key that makes it."""
    may: Any = {"scopes": scope, "models": model, "ips": ip, "expires_at": expires}
    may = {field: value for field, value in may.items() if value}
    with connect() as client:
        key = client.keys.create(
            name, cap_day_usd=cap_day, cap_month_usd=cap_month, cap_total_usd=cap_total, may=may
        )
    _hand_over(key)


@keys_app.command()
def rotate(
    key_id: KeyId,
    overlap_s: Annotated[
        int, typer.Option(min=0, help="Seconds for which the old secret goes on working; a week at most.")
    ] = 0,
) -> None:
    """Give a key a new secret, printed now and never again; the old one is refused from now on, or after the overlap."""
    with connect() as client:
        old = next((key for key in client.keys.list() if key.id == key_id), None)
        key = client.keys.rotate(key_id, overlap_s=overlap_s)
    _hand_over(key)
    saved = _profile.load(os.environ)
    if saved and old and saved.api_key.startswith(_shown(old)):
        _profile.save(_profile.Account(key.key, saved.base_url), os.environ)
        show.remark("it is the key you are logged in with; the new one is saved")


@keys_app.command()
def revoke(key_id: KeyId) -> None:
    """End a key for good; what it spent stays on the books."""
    with connect() as client:
        key = client.keys.revoke(key_id)
    show.out().print(show.plain(f"revoked {key.id} ({key.name})"))


def _hand_over(key: NewKey) -> None:
    """The secret alone on stdout, so that it can go into a file or another program."""
    caps = [
        f"at most {_amount(usd)} {words}"
        for window, words in _WINDOWS.items()
        if (usd := getattr(key, f"cap_{window}_usd")) is not None
    ]
    sys.stdout.write(f"{key.key}\n")
    sys.stdout.flush()
    if key.expires_at:
        caps.append(f"until {show.moment(key.expires_at)}")
    show.remark(" · ".join([f"{key.id} ({key.name})", *caps]))
    show.remark("this key is shown once and never again: keep it now")


def _amount(usd: str | None) -> str:
    return "—" if usd is None else show.price(Money.from_usd(usd).nanousd)


def _shown(key: Key) -> str:
    """The characters of the secret that lists show."""
    return key.hint.rstrip("…")
