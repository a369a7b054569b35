"""Commands about keys: who calls, what with, and what they may."""

from typing import Annotated, Any, Optional

import msgspec
import typer

from gateway.accounts import store as accounts
from gateway.acts.keys import change_key, create_key, revoke_key, rotate_key
from gateway.api.schemas.keys import KeyChange, key_info, limits_of, with_secret
from gateway.catalog.snapshot import Catalog
from gateway.cli.show import AsJson, DataDir, actor, ledger, settings_of, show, table
from gateway.errors import BadRequest
from gateway.keys import store as keys
from gateway.kit.money import parse_usd
from gateway.settings import Settings
from gateway.start import key_secret, price_book
from gateway.workers.order_by import parse_policy

Cap = Annotated[str | None, typer.Option(help="The most the key may spend in this time (UTC), in dollars.")]
Scopes = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--scope", help="It may only this: chat, fim, embeddings, usage:read, keys. Several times."),
]
Models = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--model", help="It may use only this model. Several times."),
]
Ips = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--ip", help="It may be used only from this address or network. Several times."),
]
Expires = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--expires", help="It ends at this instant: 2027-01-01T00:00:00Z."),
]

keys_app = typer.Typer(no_args_is_help=True, help="Who calls.")


@keys_app.command("create")
def keys_create(  # noqa: PLR0913, PLR0917 - as many as there are options
    account: Annotated[Optional[str], typer.Option(help="The account that pays: its name or id.")] = None,  # noqa: UP045
    operator: Annotated[bool, typer.Option("--operator", help="A key for /admin/v1 instead.")] = False,
    name: Annotated[str, typer.Option(help="What people see in lists.")] = "default",
    cap_day: Cap = None,
    cap_month: Cap = None,
    cap_total: Cap = None,
    project: Annotated[Optional[str], typer.Option(help="The project it belongs to: a name or id.")] = None,  # noqa: UP045
    manages_keys: Annotated[
        bool,
        typer.Option("--manages-keys", help="It may make, change and revoke the other keys of its account."),
    ] = False,
    scope: Scopes = None,
    model: Models = None,
    ip: Ips = None,
    expires: Expires = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a key.  It is shown now and never again."""
    if (account is None) == (not operator):
        raise typer.BadParameter("give --account NAME, or --operator")
    if operator and manages_keys:
        raise typer.BadParameter("an operator's key manages every key already")
    settings = settings_of(data_dir)
    may = _limits(settings, scope, model, ip, expires)
    manages = may.pop("manages_keys", False) or manages_keys
    with ledger(settings) as database:
        owner = (
            None
            if account is None
            else database.read_now(lambda conn: accounts.find_account(conn, account)).id
        )
        key, secret = database.write_now(
            lambda conn: create_key(
                conn,
                actor(),
                kind="operator" if owner is None else "account",
                account_id=owner,
                name=name,
                key_secret=key_secret(settings),
                caps={**caps_of(cap_day, cap_month, cap_total), "project": project, **may},
                manages_keys=manages,
            )
        )
    show(with_secret(key, secret), as_json=as_json)


@keys_app.command("cap")
def keys_cap(
    key_id: str,
    cap_day: Cap = None,
    cap_month: Cap = None,
    cap_total: Cap = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Change a key's caps; what it spent so far counts.  `none` removes one."""
    with ledger(settings_of(data_dir)) as database:
        key = database.write_now(
            lambda conn: change_key(conn, actor(), key_id, caps_of(cap_day, cap_month, cap_total))
        )
    show(key_info(key), as_json=as_json)


@keys_app.command("policy")
def keys_policy(key_id: str, policy: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Which workers may serve a key: local-only, local-then-mistral, cheapest, mistral-only; `none` leaves it to the model."""
    chosen = None if policy == "none" else parse_policy(policy)
    with ledger(settings_of(data_dir)) as database:
        key = database.write_now(lambda conn: change_key(conn, actor(), key_id, {"policy": chosen}))
    show(key_info(key), as_json=as_json)


@keys_app.command("allow")
def keys_allow(
    key_id: str,
    scope: Scopes = None,
    model: Models = None,
    ip: Ips = None,
    expires: Expires = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what a key may; each list as a whole.  `none` removes a limit: `--ip none`, `--expires none`."""
    settings = settings_of(data_dir)
    may = _limits(settings, scope, model, ip, expires)
    if not may:
        raise typer.BadParameter("give --scope, --model, --ip or --expires; `none` removes one")
    with ledger(settings) as database:
        key = database.write_now(lambda conn: change_key(conn, actor(), key_id, may))
    show(key_info(key), as_json=as_json)


def _limits(
    settings: Settings,
    scopes: list[str] | None,
    models: list[str] | None,
    ips: list[str] | None,
    expires: str | None,
) -> dict[str, Any]:
    """Those that are given, as the API takes them.  Raises BadRequest."""
    lists = {"scopes": scopes, "models": models, "ips": ips}
    given: dict[str, Any] = {
        name: None if words == ["none"] else words for name, words in lists.items() if words
    }
    if expires is not None:
        given["expires_at"] = None if expires == "none" else expires
    try:
        change = msgspec.convert(given, KeyChange)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{error}; scopes are chat, fim, embeddings, usage:read, keys") from error
    return limits_of(change, Catalog(price_book(settings)))


def caps_of(day: str | None, month: str | None, total: str | None) -> dict[str, int | None]:
    given = {"cap_day_nanousd": day, "cap_month_nanousd": month, "cap_total_nanousd": total}
    return {name: None if usd == "none" else parse_usd(usd) for name, usd in given.items() if usd is not None}


@keys_app.command("list")
def keys_list(
    account: Annotated[Optional[str], typer.Option(help="Only this account's.")] = None,  # noqa: UP045
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Keys by their first characters; the secrets are not kept."""
    with ledger(settings_of(data_dir)) as database:
        owner = (
            None
            if account is None
            else database.read_now(lambda conn: accounts.find_account(conn, account)).id
        )
        found = database.read_now(lambda conn: keys.list_keys(conn, owner))
    table([key_info(key) for key in found], as_json=as_json)


@keys_app.command("revoke")
def keys_revoke(key_id: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Revoke a key by its id.  Running gateways refuse it within `key_cache_s` (one second by default)."""
    with ledger(settings_of(data_dir)) as database:
        key = database.write_now(lambda conn: revoke_key(conn, actor(), key_id))
    show(key_info(key), as_json=as_json)


@keys_app.command("rotate")
def keys_rotate(
    key_id: str,
    overlap_s: Annotated[
        int, typer.Option(help="Seconds for which the old secret goes on working; a week at most.")
    ] = 0,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret; its id, caps and what it spent stay.  The old one ends with the overlap, or within `key_cache_s`."""
    settings = settings_of(data_dir)
    with ledger(settings) as database:
        key, secret = database.write_now(
            lambda conn: rotate_key(conn, actor(), key_id, key_secret(settings), overlap_s)
        )
    show(with_secret(key, secret), as_json=as_json)
