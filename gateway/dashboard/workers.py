"""The operator's page of workers: what each does at the moment, and what it may."""

import re

from litestar import Response, get, post
from litestar.response import Redirect

from gateway.api.schemas.workers import LIMIT_MAX, WorkerState
from gateway.api.wiring import TheGateway
from gateway.api.workers import change, list_workers
from gateway.dashboard.door import TheForm, TheViewer, operator_only
from gateway.dashboard.render import page
from gateway.errors import BadRequest

PATH = "/dashboard/operator/workers"


@get("/operator/workers")
async def show_workers(gateway: TheGateway, viewer: TheViewer) -> Response[str]:
    """Each worker's load and health, as this process sees it."""
    operator_only(viewer)
    found = await list_workers.fn(gateway)
    return page("operator_workers.html.j2", viewer, here="Workers", workers=found.data)


@post("/operator/workers")
async def cordon_worker(gateway: TheGateway, viewer: TheViewer, form: TheForm) -> Redirect:
    """Cordoned, it gets nothing new and finishes what it does."""
    operator_only(viewer)
    wanted = WorkerState(name=form.get("name", ""), cordoned=form.get("cordoned") == "yes")
    await change(gateway, viewer.email, wanted)
    return Redirect(PATH, status_code=303)


@post("/operator/workers/capacity")
async def change_capacity(gateway: TheGateway, viewer: TheViewer, form: TheForm) -> Redirect:
    """Its weight beside others, and how many requests it takes at once; an empty field: as configured."""
    operator_only(viewer)
    wanted = WorkerState(
        name=form.get("name", ""),
        weight=_whole(form.get("weight", ""), "weight"),
        concurrency_max=_whole(form.get("concurrency_max", ""), "concurrency_max"),
    )
    await change(gateway, viewer.email, wanted)
    return Redirect(PATH, status_code=303)


def _whole(text: str, param: str) -> int | None:
    """Raises BadRequest."""
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,10}", text) or not 1 <= int(text) <= LIMIT_MAX:
        raise BadRequest(f"{param} must be a whole number from 1 to {LIMIT_MAX}, or empty", param=param)
    return int(text)
