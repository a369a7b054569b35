"""`tollway-gateway people …`: who may sign in to the pages, and links that sign them in."""

from typing import Annotated, Any, Optional

import typer

from gateway.accounts.store import find_account
from gateway.acts.people import (
    add_person,
    disable_person,
    join_account,
    make_link,
    sign_out_person,
    unlink_person,
)
from gateway.cli.show import AsJson, DataDir, actor, ledger, out, settings_of, show, table
from gateway.kit.clock import rfc3339
from gateway.kit.db import WriteConn
from gateway.people import store
from gateway.people.members import role_named
from gateway.people.sign_in import INVITATION_TTL_US, LINK_TTL_US
from gateway.people.types import Person
from gateway.settings import Settings

people_app = typer.Typer(no_args_is_help=True, help="Who may sign in to the pages at /dashboard.")


def link_of(settings: Settings, secret: str) -> str:
    base = settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    return f"{base}/dashboard/link/{secret}"


@people_app.command()
def add(
    email: str,
    name: Annotated[str, typer.Option(help="As pages show it.")] = "",
    operator: Annotated[bool, typer.Option("--operator", help="May see and do everything.")] = False,
    account: Annotated[Optional[str], typer.Option(help="An account that they belong to.")] = None,  # noqa: UP045
    role: Annotated[str, typer.Option(help="There: owner, admin, developer, billing or viewer.")] = "owner",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make somebody known, or a member of one more account, and print a link that signs them in once."""
    settings = settings_of(data_dir)

    def make(conn: WriteConn) -> str:
        person = store.find_person(conn, email.strip())
        if person is None:
            person = add_person(conn, actor(), email, name=name, is_operator=operator)
        if account is not None:
            join_account(conn, actor(), find_account(conn, account).id, person, role_named(role))
        return make_link(conn, actor(), person, INVITATION_TTL_US)

    with ledger(settings) as database:
        _show_link(link_of(settings, database.write_now(make)), "seven days", as_json=as_json)


@people_app.command()
def link(email: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print a link that signs somebody in once."""
    settings = settings_of(data_dir)
    with ledger(settings) as database:
        secret = database.write_now(
            lambda conn: make_link(conn, actor(), store.require_person(conn, email), LINK_TTL_US)
        )
        _show_link(link_of(settings, secret), "15 minutes", as_json=as_json)


@people_app.command("list")
def list_all(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Who is known."""
    settings = settings_of(data_dir)
    with ledger(settings) as database:
        found = database.read_now(store.list_people)
    table([_shown(each) for each in found], as_json=as_json)


@people_app.command()
def disable(email: str, data_dir: DataDir = None) -> None:
    """Shut somebody out: their sessions end within a second, and nothing lets them in again."""
    settings = settings_of(data_dir)

    with ledger(settings) as database:
        database.write_now(lambda conn: disable_person(conn, actor(), email))
    out.print(f"{email} is shut out")


@people_app.command("sign-out")
def sign_out(email: str, data_dir: DataDir = None) -> None:
    """End all sessions of somebody, everywhere, within a second.  They may sign in again."""
    settings = settings_of(data_dir)
    with ledger(settings) as database:
        ended = database.write_now(lambda conn: sign_out_person(conn, actor(), email))
    out.print(f"{email} is signed out of {ended} browsers")


@people_app.command()
def unlink(email: str, data_dir: DataDir = None) -> None:
    """Forget who somebody is at the OpenID Connect provider: their verified address says so anew, the next time."""
    settings = settings_of(data_dir)
    with ledger(settings) as database:
        gone = database.write_now(lambda conn: unlink_person(conn, actor(), email))
    out.print(f"{email} is unlinked" if gone else f"{email} was not linked")


def _shown(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "is_operator": person.is_operator,
        "created_at": rfc3339(person.created_us),
        "disabled": person.disabled_us is not None,
    }


def _show_link(address: str, lives: str, *, as_json: bool) -> None:
    if as_json:
        show({"link": address}, as_json=True)
        return
    out.print(address, soft_wrap=True, highlight=False, markup=False)
    out.print(f"works once, within {lives}", style="dim")
