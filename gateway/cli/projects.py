"""Commands about projects: keys in groups, with a budget."""

from typing import Annotated, Any, Optional

import msgspec
import typer

from gateway.accounts import store as accounts
from gateway.acts.keys import change_key
from gateway.acts.projects import change_project, make_project
from gateway.api.schemas.keys import key_info
from gateway.api.schemas.projects import project_info
from gateway.cli.keys import caps_of, keys_app
from gateway.cli.show import AsJson, DataDir, actor, ledger, settings_of, show, table
from gateway.credit.draw import periods_of
from gateway.credit.store import read_counters
from gateway.kit.clock import now_us
from gateway.kit.db import Database, ReadConn
from gateway.projects import store
from gateway.projects.draw_up import draw_up

Account = Annotated[str, typer.Option(help="Whose it is: a name or id.")]
Cap = Annotated[
    str | None, typer.Option(help="The most its keys may spend together in this time (UTC), in dollars.")
]

projects_app = typer.Typer(no_args_is_help=True, help="Keys in groups, with a budget.")


@projects_app.command("create")
def projects_create(
    name: str,
    account: Account,
    cap_day: Cap = None,
    cap_month: Cap = None,
    cap_total: Cap = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a project; `keys create --project NAME` makes a key in it."""
    with ledger(settings_of(data_dir)) as database:
        owner = database.read_now(lambda conn: accounts.find_account(conn, account))
        project = draw_up(owner.id, name, caps_of(cap_day, cap_month, cap_total))
        database.write_now(lambda conn: make_project(conn, actor(), project))
    show(project_info(project, {}, project.created_us), as_json=as_json)


@projects_app.command("list")
def projects_list(
    account: Annotated[Optional[str], typer.Option(help="Only this account's.")] = None,  # noqa: UP045
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Projects, their budgets, and what was spent of them today, this month and in all."""

    def read(conn: ReadConn) -> list[msgspec.Struct]:
        owner = None if account is None else accounts.find_account(conn, account).id
        found, at_us = store.list_projects(conn, owner), now_us()
        counters = read_counters(conn, [project.id for project in found], periods_of(at_us))
        return [project_info(project, counters, at_us) for project in found]

    with ledger(settings_of(data_dir)) as database:
        rows = database.read_now(read)
    table(rows, as_json=as_json)


@projects_app.command("change")
def projects_change(
    project_id: str,
    name: Annotated[Optional[str], typer.Option(help="Another name.")] = None,  # noqa: UP045
    cap_day: Cap = None,
    cap_month: Cap = None,
    cap_total: Cap = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Change a project's name or budget; what was spent so far counts.  `none` removes a cap."""
    changes: dict[str, Any] = dict(caps_of(cap_day, cap_month, cap_total))
    if name is not None:
        changes["name"] = name
    with ledger(settings_of(data_dir)) as database:
        _change(database, project_id, changes, as_json=as_json)


@projects_app.command("archive")
def projects_archive(project_id: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Archive a project, all of whose keys are revoked or moved.  What it spent stays on the books."""
    with ledger(settings_of(data_dir)) as database:
        _change(database, project_id, {"archived": True}, as_json=as_json)


@projects_app.command("restore")
def projects_restore(project_id: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Let an archived project take keys again."""
    with ledger(settings_of(data_dir)) as database:
        _change(database, project_id, {"archived": False}, as_json=as_json)


@keys_app.command("move")
def keys_move(key_id: str, project: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Move a key to another project; what it spent stays where it was spent.  `none` takes it out."""
    chosen = None if project == "none" else project
    with ledger(settings_of(data_dir)) as database:
        key = database.write_now(lambda conn: change_key(conn, actor(), key_id, {"project": chosen}))
    show(key_info(key), as_json=as_json)


def _change(database: Database, project_id: str, changes: dict[str, Any], *, as_json: bool) -> None:
    project = database.write_now(lambda conn: change_project(conn, actor(), None, project_id, changes))
    at_us = now_us()
    counters = database.read_now(lambda conn: read_counters(conn, [project.id], periods_of(at_us)))
    show(project_info(project, counters, at_us), as_json=as_json)
