"""`tollway-gateway`: serve, demo, migrate, keys, accounts, usage, doctor.

Every command takes `--data-dir`; with `--json` the output is for programs.  Mistakes end with one sentence and
exit status 1, never with a traceback.
"""

import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from gateway.accounts import store as accounts
from gateway.api.schemas import account_fields, credit_fields, grant_fields, key_fields, usage_fields
from gateway.catalog.read_toml import PriceBookError
from gateway.credit import store as credit
from gateway.credit.open import give, open_account
from gateway.errors import TollwayError
from gateway.keys import store as keys
from gateway.keys.create import create_key
from gateway.kit.clock import now_us
from gateway.kit.db import opened
from gateway.kit.money import format_usd, parse_usd
from gateway.kit.schema import SchemaError
from gateway.metering import store as metering
from gateway.settings import Settings, SettingsError, load, parse_worker
from gateway.start import key_secret, prepare, price_book
from gateway.workers.embedded import EmbeddedWorkerUnavailable

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Tollway: a usage-metered LLM gateway.")
accounts_app = typer.Typer(no_args_is_help=True, help="Who pays.")
keys_app = typer.Typer(no_args_is_help=True, help="Who calls.")
app.add_typer(accounts_app, name="accounts")
app.add_typer(keys_app, name="keys")
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


@app.command()
def serve(
    data_dir: DataDir = None,
    host: Annotated[Optional[str], typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,  # noqa: UP045
    port: Annotated[Optional[int], typer.Option(help="Port to listen on. [default: 8080]")] = None,  # noqa: UP045
    processes: Annotated[Optional[int], typer.Option(help="Gateway processes. [default: 1]")] = None,  # noqa: UP045
    worker: Workers = None,
    embedded: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--embedded/--no-embedded", help="The embedded worker. [default: when there is no other]"
        ),
    ] = None,
) -> None:
    """Serve until stopped.  The first start makes an operator's key and a demo account, each shown once."""
    from gateway.serve import serve_forever  # noqa: PLC0415 - the server is slow to import, and `keys` does not need it

    settings = _settings(
        data_dir, host=host, port=port, processes=processes, embedded=embedded, workers=_workers(worker)
    )
    serve_forever(settings, out)


@app.command()
def demo(
    data_dir: DataDir = None,
    port: Annotated[Optional[int], typer.Option(help="Port to listen on. [default: 8080]")] = None,  # noqa: UP045
    once: Annotated[bool, typer.Option("--once", help="Stop after the demonstration.")] = False,
) -> None:
    """Start everything, ask the embedded model one real question, print its bill, and go on serving."""
    from gateway.demo import demonstrate  # noqa: PLC0415 - needs the SDK, which a server may not have installed

    raise typer.Exit(demonstrate(_settings(data_dir, port=port, embedded=True), out, once=once))


@app.command()
def migrate(
    data_dir: DataDir = None,
    revision: Annotated[str, typer.Option(help="The revision to reach.")] = "head",
    downgrade: Annotated[
        bool, typer.Option("--downgrade", help="Go back to REVISION; it may lose data.")
    ] = False,
) -> None:
    """Bring the database's schema up to date."""
    from gateway.kit import schema  # noqa: PLC0415

    settings = _settings(data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (schema.downgrade if downgrade else schema.upgrade)(settings.database, revision)
    out.print(f"the schema is at revision {schema.current(settings.database) or 'none'}")


@accounts_app.command("create")
def accounts_create(
    name: str,
    grant: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="US dollars: exactly this credit. Without it, the price book's sign-up grant."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Open an account."""
    settings = _settings(data_dir)
    amount = price_book(settings).sign_up_nanousd if grant is None else parse_usd(grant)
    kind: Any = "sign_up" if grant is None else "top_up"
    with _ledger(settings) as database:
        account = database.write_now(
            lambda conn: open_account(conn, name, grant_nanousd=amount, kind=kind, reason="command line")
        )
    _show(account_fields(account) | {"credit_usd": format_usd(amount)}, as_json=as_json)


@accounts_app.command("list")
def accounts_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Every account and its credit."""
    with _ledger(_settings(data_dir)) as database:
        rows = []
        for account in database.read_now(accounts.list_accounts):
            balance = database.read_now(lambda conn, account=account: credit.read_balance(conn, account.id))
            assert balance is not None, "an account is opened with its balance"
            money = credit_fields(balance, [])
            rows.append(
                account_fields(account)
                | {k: money[k] for k in ("granted_usd", "settled_usd", "held_usd", "available_usd")}
            )
    _table(rows, as_json=as_json)


@accounts_app.command("grant", context_settings={"ignore_unknown_options": True})  # -0.5 is an amount
def accounts_grant(
    account: str,
    usd: str,
    reason: Annotated[str, typer.Option(help="Why; kept with the grant.")] = "command line",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give an account credit, in US dollars.  A negative amount is a correction."""
    amount = parse_usd(usd)
    kind: Any = "correction" if amount < 0 else "top_up"
    with _ledger(_settings(data_dir)) as database:
        found = database.read_now(lambda conn: accounts.find_account(conn, account))
        grant = database.write_now(lambda conn: give(conn, found.id, amount, kind=kind, reason=reason))
    _show(grant_fields(grant), as_json=as_json)


@keys_app.command("create")
def keys_create(
    account: Annotated[Optional[str], typer.Option(help="The account that pays: its name or id.")] = None,  # noqa: UP045
    operator: Annotated[bool, typer.Option("--operator", help="A key for /admin/v1 instead.")] = False,
    name: Annotated[str, typer.Option(help="What people see in lists.")] = "default",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a key.  It is shown now and never again."""
    if (account is None) == (not operator):
        raise typer.BadParameter("give --account NAME, or --operator")
    settings = _settings(data_dir)
    with _ledger(settings) as database:
        owner = (
            None
            if account is None
            else database.read_now(lambda conn: accounts.find_account(conn, account)).id
        )
        key, secret = database.write_now(
            lambda conn: create_key(
                conn,
                kind="operator" if owner is None else "account",
                account_id=owner,
                name=name,
                key_secret=key_secret(settings),
            )
        )
    _show({"key": secret, **key_fields(key)}, as_json=as_json)


@keys_app.command("list")
def keys_list(
    account: Annotated[Optional[str], typer.Option(help="Only this account's.")] = None,  # noqa: UP045
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Keys by their first characters; the secrets are not kept."""
    with _ledger(_settings(data_dir)) as database:
        owner = (
            None
            if account is None
            else database.read_now(lambda conn: accounts.find_account(conn, account)).id
        )
        found = database.read_now(lambda conn: keys.list_keys(conn, owner))
    _table([key_fields(key) for key in found], as_json=as_json)


@keys_app.command("revoke")
def keys_revoke(key_id: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Revoke a key by its id.  Running gateways refuse it within `key_cache_s` (one second by default)."""
    with _ledger(_settings(data_dir)) as database:
        key = database.write_now(lambda conn: keys.revoke_key(conn, key_id, now_us()))
    _show(key_fields(key), as_json=as_json)


@app.command()
def usage(
    account: str,
    group_by: Annotated[str, typer.Option(help="key, model or day")] = "key",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """What an account used and what it cost."""
    if group_by not in ("key", "model", "day"):
        raise typer.BadParameter("group by key, model or day")
    grouping: Any = group_by
    with _ledger(_settings(data_dir)) as database:
        found = database.read_now(lambda conn: accounts.find_account(conn, account))
        rows = database.read_now(lambda conn: metering.sum_usage(conn, found.id, grouping, None, None))
    _table([usage_fields(row, {}) for row in rows], as_json=as_json)


@app.command()
def doctor(data_dir: DataDir = None, worker: Workers = None) -> None:
    """Say what is wrong with this configuration, and how to mend it."""
    from gateway.doctor import examine  # noqa: PLC0415

    findings = examine(lambda: _settings(data_dir, workers=_workers(worker)))
    for finding in findings:
        mark = "[green]ok[/]   " if finding.fine else "[red]wrong[/]"
        out.print(f"{mark} {finding.what}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if all(finding.fine for finding in findings) else 1)


def _workers(urls: list[str] | None) -> list[dict[str, Any]] | None:
    return None if not urls else [parse_worker(url) for url in urls]


def _settings(data_dir: Path | None, **options: Any) -> Settings:
    return load(data_dir=None if data_dir is None else str(data_dir), **options)


def _ledger(settings: Settings):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the context manager of kit.db.opened
    prepare(settings)
    return opened(settings.database)


def _show(fields: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(fields).decode() + "\n")
        return
    for name, value in fields.items():
        out.print(f"[dim]{name:>14}[/]  {'' if value is None else value}", highlight=False, soft_wrap=True)


def _table(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(rows).decode() + "\n")
        return
    if not rows:
        out.print("nothing yet")
        return
    table = Table(box=None, header_style="dim")
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    out.print(table)


def main() -> None:
    """The entry point: expected mistakes become one sentence."""
    try:
        app()
    except (
        TollwayError,
        SettingsError,
        SchemaError,
        PriceBookError,
        EmbeddedWorkerUnavailable,
        ValueError,
    ) as error:
        err.print(f"[red]tollway-gateway:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
