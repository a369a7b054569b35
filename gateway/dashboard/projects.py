"""An account's projects: what was spent of each budget, and their making, changing and archiving."""

from collections.abc import Callable
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from gateway.acts.projects import change_project, make_project
from gateway.api.wiring import TheFinder, TheGateway
from gateway.dashboard.door import TheForm, TheViewer, around, enter
from gateway.dashboard.keys import WINDOWS, caps_of, spent_by
from gateway.dashboard.render import page
from gateway.errors import BadRequest
from gateway.keys import store as keys
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn
from gateway.projects.draw_up import draw_up
from gateway.projects.store import list_projects

ACTS: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "caps": lambda form: {"name": form.get("name", ""), **caps_of(form)},
    "archive": lambda _: {"archived": True},
    "restore": lambda _: {"archived": False},
}
"""What a form changes, by the end of its address."""
DONE = {
    "made": "It is there: put keys into it when you make them, or on their pages.",
    "caps": "Saved: it counts from now on.",
    "archive": "It is archived; its bills stay.",
    "restore": "It takes keys again.",
}


@get("/accounts/{account_id:str}/projects")
async def show_projects(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], done: FromQuery[str] = ""
) -> Response[str]:
    """All projects, archived ones last; `done`: which form was just sent."""
    account = await enter(gateway, viewer, account_id, "see_keys")
    found = await gateway.database.read(lambda conn: _read_projects(conn, account_id, now_us()))
    return page(
        "projects.html.j2", viewer, **around(account, viewer, "Projects"), **found, note=DONE.get(done, "")
    )


@post("/accounts/{account_id:str}/projects")
async def make(gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], form: TheForm) -> Redirect:
    """A new one, with its budget."""
    await enter(gateway, viewer, account_id, "manage_keys")
    project = draw_up(account_id, form.get("name", ""), caps_of(form))
    await gateway.database.write(lambda conn: make_project(conn, viewer.email, project))
    return _back(account_id, "made")


@post("/accounts/{account_id:str}/projects/{project_id:str}/{act:str}")
async def change(
    gateway: TheGateway,
    viewer: TheViewer,
    finder: TheFinder,
    account_id: FromPath[str],
    project_id: FromPath[str],
    act: FromPath[str],
    form: TheForm,
) -> Redirect:
    """One of `ACTS`."""
    await enter(gateway, viewer, account_id, "manage_keys")
    if act not in ACTS:
        raise BadRequest(f"there is no {act!r} for a project: {', '.join(ACTS)}")
    changes = ACTS[act](form)
    await gateway.database.write(
        lambda conn: change_project(conn, viewer.email, account_id, project_id, changes)
    )
    finder.forget()
    return _back(account_id, act)


def _back(account_id: str, done: str) -> Redirect:
    return Redirect(f"/dashboard/accounts/{account_id}/projects?done={done}", status_code=303)


def _read_projects(conn: ReadConn, account_id: str, now: int) -> dict[str, Any]:
    found = sorted(list_projects(conn, account_id), key=lambda project: project.archived_us is not None)
    spent = spent_by(conn, [project.id for project in found], now)
    living = [key.project_id for key in keys.list_keys(conn, account_id) if key.revoked_us is None]
    return {"rows": [(each, spent[each.id], living.count(each.id)) for each in found], "windows": WINDOWS}
