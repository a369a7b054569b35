"""`tollway-gateway people …`: who may sign in to the pages, and links that sign them in."""

from typing import Annotated, Any, Optional

import typer

from gateway.accounts.store import find_account
from gateway.cli.show import AsJson, DataDir, ledger, out, settings_of, show, table
from gateway.kit.clock import now_us, rfc3339
from gateway.kit.db import WriteConn
from gateway.people import store
from gateway.people.log import record
from gateway.people.members import role_named
from gateway.people.sign_in import INVITATION_TTL_US, LINK_TTL_US, add_person, new_link
from gateway.people.types import Person
from gateway.settings import Settings

people_app = typer.Typer(no_args_is_help=True, help="Who may sign in to the pages at /dashboard.")
ACTOR = "cli"


def link_of(settings: Settings, secret: str) -> str:
    return f"http://{settings.host}:{settings.port}/dashboard/link/{secret}"


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
        now = now_us()
        person = store.find_person(conn, email.strip())
        if person is None:
            person = add_person(conn, email, name=name, is_operator=operator, now_us=now)
            record(conn, ACTOR, "person.add", now, target=person.email, after={"is_operator": operator})
        if account is not None:
            found = find_account(conn, account)
            store.join(conn, found.id, person.id, role_named(role), now)
            record(
                conn,
                ACTOR,
                "member.invite",
                now,
                target=person.email,
                account_id=found.id,
                after={"role": role},
            )
        return new_link(conn, person.id, now, INVITATION_TTL_US)

    with ledger(settings) as database:
        _show_link(link_of(settings, database.write_now(make)), "seven days", as_json=as_json)


@people_app.command()
def link(email: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print a link that signs somebody in once."""
    settings = settings_of(data_dir)
    with ledger(settings) as database:
        secret = database.write_now(
            lambda conn: new_link(conn, store.require_person(conn, email).id, now_us(), LINK_TTL_US)
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

    def end(conn: WriteConn) -> None:
        now, person = now_us(), store.require_person(conn, email)
        store.change_person(conn, person.id, disabled_us=now)
        store.revoke_sessions(conn, person.id, now)
        record(conn, ACTOR, "person.disable", now, target=person.email)

    with ledger(settings) as database:
        database.write_now(end)
    out.print(f"{email} is shut out")


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
