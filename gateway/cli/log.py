"""`tollway-gateway log`: who changed what."""

from typing import Annotated, Optional

import msgspec
import typer

from gateway.accounts import store as accounts
from gateway.api.schemas.log import log_entry
from gateway.cli.show import AsJson, DataDir, ledger, settings_of, table
from gateway.kit.db import ReadConn
from gateway.people import store
from gateway.people.types import Entry, Lines

Begin = Annotated[str, typer.Option(help="How it begins: key:, cli:, ada@ for an actor; key. for an action.")]


def log(
    account: Annotated[Optional[str], typer.Option(help="Only this account's: its name or id.")] = None,  # noqa: UP045
    actor: Begin = "",
    action: Begin = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many lines.")] = 50,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Who changed what, the last change first."""

    def read(conn: ReadConn) -> list[Entry]:
        account_id = None if account is None else accounts.find_account(conn, account).id
        return store.list_entries(conn, Lines(account_id=account_id, actor=actor, action=action), limit=limit)

    with ledger(settings_of(data_dir)) as database:
        found = [log_entry(entry) for entry in database.read_now(read)]
    if as_json:
        table(found, as_json=True)
        return
    lines = [msgspec.to_builtins(entry) for entry in found]
    shown = ("at", "actor", "action", "target", "before", "after")
    table([{name: line[name] for name in shown} for line in lines], as_json=False)
