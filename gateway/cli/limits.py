"""`accounts limits` and `keys limits`: what may be used per minute and at once, and setting it."""

from typing import Annotated, Any

import msgspec
import typer

from gateway.accounts import store as accounts
from gateway.acts.limits import set_account_limits, set_key_limits
from gateway.api.schemas.limits import limits_info
from gateway.app import default_limits
from gateway.cli.keys import keys_app
from gateway.cli.ledger import accounts_app
from gateway.cli.show import AsJson, DataDir, actor, ledger, settings_of, show
from gateway.errors import BadRequest
from gateway.keys import store as keys
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.limits.look import look
from gateway.limits.set import Changes
from gateway.limits.types import FIELDS, UNLIMITED, Limits

_ACCOUNT = "A number, `default` (the installation's) or `unlimited`."
_KEY = "A number, or `none`."
_OfAccount = Annotated[str | None, typer.Option(help=_ACCOUNT)]
_OfKey = Annotated[str | None, typer.Option(help=_KEY)]


@accounts_app.command("limits")
def accounts_limits(
    account: str,
    requests_per_minute: _OfAccount = None,
    input_tokens_per_minute: _OfAccount = None,
    output_tokens_per_minute: _OfAccount = None,
    concurrency: _OfAccount = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """What an account may use, what it uses right now and how often it was refused today; options set it."""
    given = (requests_per_minute, input_tokens_per_minute, output_tokens_per_minute, concurrency)
    changes = _changes(given, {"default": None, "unlimited": UNLIMITED})
    settings = settings_of(data_dir)
    with ledger(settings) as database:
        found = database.read_now(lambda conn: accounts.find_account(conn, account))
        if changes:
            database.write_now(lambda conn: set_account_limits(conn, actor(), found.id, changes))
        _show(database, found.id, "", default_limits(settings), as_json=as_json)


@keys_app.command("limits")
def keys_limits(
    key_id: str,
    requests_per_minute: _OfKey = None,
    input_tokens_per_minute: _OfKey = None,
    output_tokens_per_minute: _OfKey = None,
    concurrency: _OfKey = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """What a key may use of its account's limits, and what it uses right now; options set it."""
    given = (requests_per_minute, input_tokens_per_minute, output_tokens_per_minute, concurrency)
    changes = _changes(given, {"none": None})
    settings = settings_of(data_dir)
    defaults = default_limits(settings)
    with ledger(settings) as database:
        account_id = database.read_now(lambda conn: keys.find_key(conn, key_id)).account_id
        if account_id is None:
            raise BadRequest("an operator's key asks no model, so nothing of it is limited")
        owner = account_id
        if changes:
            database.write_now(lambda conn: set_key_limits(conn, actor(), owner, key_id, changes, defaults))
        _show(database, owner, key_id, defaults, as_json=as_json)


def _changes(given: tuple[str | None, ...], words: dict[str, int | None]) -> Changes:
    """Raises BadRequest."""
    changes: Changes = {}
    for name, text in zip(FIELDS, given, strict=True):
        if text is None:
            continue
        if text not in words and not (text.isascii() and text.isdigit() and int(text) >= 1):
            option = f"--{name.replace('_', '-')}"
            raise BadRequest(
                f"{option} is a whole number of at least 1, or {' or '.join(words)}, not {text!r}"
            )
        changes[name] = words[text] if text in words else int(text)
    return changes


def _show(database: Database, account_id: str, key_id: str, defaults: Limits, *, as_json: bool) -> None:
    view = database.read_now(lambda conn: look(conn, account_id, key_id, defaults, now_us()))
    fields: dict[str, Any] = msgspec.to_builtins(limits_info(view))
    if not as_json:
        for name in ("own", "used", "refused"):
            said = {kind: value for kind, value in fields[name].items() if value is not None}
            fields[name] = ", ".join(f"{value} {kind}" for kind, value in said.items())
    show(fields, as_json=as_json)
