"""`/admin/v1/workers`: see, add, cordon and remove workers while everything runs."""

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromQuery, JSONBody

from gateway.api.schemas import ListOf, NewWorker, WorkerState, worker_fields
from gateway.api.wiring import TheGateway
from gateway.errors import BadRequest, Conflict, NotFound
from gateway.inference.gateway import Gateway
from gateway.kit.clock import now_us
from gateway.workers.store import list_changes, remove_change, save_change
from gateway.workers.types import Change


@get("/admin/v1/workers")
async def list_workers(gateway: TheGateway) -> ListOf:
    """With what each has to do for this process.  A cordoned one with nothing in flight is drained."""
    workers = gateway.workers
    return ListOf(
        [
            worker_fields(
                worker,
                workers.load(worker.name),
                out=workers.health.is_open(worker.name),
                cordoned=workers.is_cordoned(worker.name),
            )
            for worker in workers.workers
        ]
    )


@post("/admin/v1/workers")
async def add_worker(gateway: TheGateway, data: JSONBody[NewWorker]) -> ListOf:
    """By its URL; without `models` its own `/v1/models` is read.  Other processes take it up within two seconds."""
    if not data.url.startswith(("http://", "https://")):
        raise BadRequest("url must begin with http:// or https://, like http://10.0.0.2:8000", param="url")
    url = data.url.rstrip("/").removesuffix("/v1")
    if any(worker.url == url for worker in gateway.workers.workers):
        raise Conflict(f"{url} is a worker already")
    models = {name: name for name in data.models}
    await _save(gateway, Change(name=url, url=url, models=models, cordoned=False, created_us=now_us()))
    return await list_workers.fn(gateway)  # type: ignore[no-any-return]


@patch("/admin/v1/workers")
async def cordon_worker(gateway: TheGateway, data: JSONBody[WorkerState]) -> ListOf:
    """`cordoned`: it gets nothing new, and what it is doing it finishes."""
    changes = {change.name: change for change in await gateway.database.read(list_changes)}
    if data.name not in {worker.name for worker in gateway.workers.workers} | changes.keys():
        raise NotFound(f"there is no worker {data.name!r}", param="name")
    known = changes.get(data.name) or Change(name=data.name, created_us=now_us())
    await _save(gateway, msgspec.structs.replace(known, cordoned=data.cordoned))
    return await list_workers.fn(gateway)  # type: ignore[no-any-return]


@delete("/admin/v1/workers", status_code=200)
async def remove_worker(gateway: TheGateway, name: FromQuery[str]) -> ListOf:
    """One that was added here; those of `tollway.toml` can only be cordoned."""
    added = {change.name for change in await gateway.database.read(list_changes) if change.url is not None}
    if name not in added:
        raise NotFound(
            f"no worker named {name!r} was added here; one of tollway.toml can be cordoned", param="name"
        )
    await gateway.database.write(lambda conn: remove_change(conn, name))
    await _adopt(gateway)
    return await list_workers.fn(gateway)  # type: ignore[no-any-return]


async def _save(gateway: Gateway, change: Change) -> None:
    await gateway.database.write(lambda conn: save_change(conn, change))
    await _adopt(gateway)


async def _adopt(gateway: Gateway) -> None:
    """Here at once; other processes read it soon (jobs/refresh_workers.py)."""
    if gateway.workers.apply(await gateway.database.read(list_changes)):
        await gateway.workers.discover()
