"""`/v1/projects` and `/admin/v1/projects`: keys in groups, with a budget.  Who may do what is in `keys/manage.py`."""

from typing import Annotated

from litestar import get, patch, post
from litestar.params import JSONBody, QueryParameter

from gateway.accounts import store as accounts
from gateway.acts import projects as acts
from gateway.api.customer import account_of
from gateway.api.schemas.keys import caps_of
from gateway.api.schemas.projects import (
    NewAccountProject,
    NewProject,
    ProjectChange,
    ProjectInfo,
    project_changes_of,
    project_info,
)
from gateway.api.schemas.shapes import ListOf
from gateway.api.wiring import ProjectId, TheCaller, TheFinder, TheGateway
from gateway.credit.draw import periods_of
from gateway.credit.store import read_counters
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn, WriteConn
from gateway.projects import store
from gateway.projects.draw_up import draw_up
from gateway.projects.types import Project


@get("/v1/projects")
async def list_own_projects(gateway: TheGateway, caller: TheCaller) -> ListOf[ProjectInfo]:
    """List the account's projects, the oldest first, archived ones too, with what they spent."""
    account_id = account_of(caller)
    return ListOf(await gateway.database.read(lambda conn: _with_spending(conn, account_id, now_us())))


@post("/v1/projects", refusals=(409,))
async def create_own_project(
    gateway: TheGateway, caller: TheCaller, data: JSONBody[NewProject]
) -> ProjectInfo:
    """Make a project.  The key that asks must manage keys."""
    project = draw_up(account_of(caller), data.name, caps_of(data))

    await gateway.database.write(lambda conn: acts.make_own(conn, caller, project))
    return project_info(project, {}, project.created_us)


@patch("/v1/projects/{project_id:str}", refusals=(404, 409))
async def change_own_project(
    gateway: TheGateway,
    finder: TheFinder,
    caller: TheCaller,
    project_id: ProjectId,
    data: JSONBody[ProjectChange],
) -> ProjectInfo:
    """Change a project's name and budget, archive it, or restore it.  What it spent so far counts; the key that asks must manage keys."""
    changes = project_changes_of(data)

    changed = await gateway.database.write(
        lambda conn: _shown(conn, acts.change_own(conn, caller, project_id, changes))
    )
    finder.forget()
    return changed


@get("/admin/v1/projects", refusals=(404,))
async def list_projects(
    gateway: TheGateway,
    account: Annotated[str | None, QueryParameter(description="Only this one's: a name or id.")] = None,
) -> ListOf[ProjectInfo]:
    """List the projects of all accounts, or of one, the oldest first, archived ones too, with what they spent."""

    def read(conn: ReadConn) -> list[ProjectInfo]:
        account_id = None if account is None else accounts.find_account(conn, account).id
        return _with_spending(conn, account_id, now_us())

    return ListOf(await gateway.database.read(read))


@post("/admin/v1/projects", refusals=(404, 409))
async def create_project(
    gateway: TheGateway, caller: TheCaller, data: JSONBody[NewAccountProject]
) -> ProjectInfo:
    """Make a project for an account."""
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, data.account))
    project = draw_up(account.id, data.name, caps_of(data))
    await gateway.database.write(lambda conn: acts.make_project(conn, caller.actor, project))
    return project_info(project, {}, project.created_us)


@patch("/admin/v1/projects/{project_id:str}", refusals=(404, 409))
async def patch_project(
    gateway: TheGateway,
    caller: TheCaller,
    finder: TheFinder,
    project_id: ProjectId,
    data: JSONBody[ProjectChange],
) -> ProjectInfo:
    """Change any account's project: its name and budget; archive it, or restore it.  What it spent so far counts."""
    changes = project_changes_of(data)
    changed = await gateway.database.write(
        lambda conn: _shown(conn, acts.change_project(conn, caller.actor, None, project_id, changes))
    )
    finder.forget()
    return changed


def _with_spending(conn: ReadConn, account_id: str | None, at_us: int) -> list[ProjectInfo]:
    found = store.list_projects(conn, account_id)
    counters = read_counters(conn, [project.id for project in found], periods_of(at_us))
    return [project_info(project, counters, at_us) for project in found]


def _shown(conn: WriteConn, project: Project) -> ProjectInfo:
    at_us = now_us()
    return project_info(project, read_counters(conn, [project.id], periods_of(at_us)), at_us)
