"""`/admin/v1/workers`: see, add, change and remove workers while everything runs; and where workers join by themselves."""

import re
import time
from typing import Annotated

import msgspec
from litestar import delete, get, patch, post, put
from litestar.params import JSONBody, QueryParameter

from gateway.acts.workers import remove_worker as remove
from gateway.acts.workers import save_worker
from gateway.api.schemas.shapes import ListOf
from gateway.api.schemas.workers import (
    URL_CHARS_MAX,
    URL_PATTERN,
    Joined,
    Left,
    NewWorker,
    WorkerInfo,
    WorkerState,
    worker_info,
)
from gateway.api.wiring import TheCaller, TheGateway
from gateway.errors import BadRequest, Conflict, NotFound
from gateway.inference.gateway import Gateway
from gateway.kit.clock import SECOND_US, now_us
from gateway.workers.join import HEARTBEAT_S, HEARTBEAT_TTL_S
from gateway.workers.store import list_changes
from gateway.workers.types import Change

PORT_MAX = 65_535
JOINER = "a worker with the join token"
"""Who joins, in the audit log: the token is the same for all, and the line says which worker."""


@get("/admin/v1/workers")
async def list_workers(gateway: TheGateway) -> ListOf[WorkerInfo]:
    """List the workers, and what each has to do for this process."""
    now = time.monotonic()
    return ListOf([worker_info(gateway.router, worker, now) for worker in gateway.workers.workers])


@post("/admin/v1/workers", refusals=(409,))
async def add_worker(gateway: TheGateway, caller: TheCaller, data: JSONBody[NewWorker]) -> ListOf[WorkerInfo]:
    """Add a worker by its URL.  Other processes take it up within two seconds; the answer lists all."""
    change = _added(data)
    if any(worker.url == change.url for worker in gateway.workers.workers):
        raise Conflict(f"{change.url} is a worker already")
    await _save(gateway, caller.actor, change)
    return await list_workers.fn(gateway)  # type: ignore[no-any-return]


@patch("/admin/v1/workers", refusals=(404,))
async def change_worker(
    gateway: TheGateway, caller: TheCaller, data: JSONBody[WorkerState]
) -> ListOf[WorkerInfo]:
    """Cordon a worker, change its weight or its limit.  Cordoned, it gets nothing new, and finishes what it is doing."""
    await change(gateway, caller.actor, data)
    return await list_workers.fn(gateway)  # type: ignore[no-any-return]


async def change(gateway: Gateway, by: str, data: WorkerState) -> None:
    """Raises NotFound."""
    known = (await _changes(gateway)).get(data.name)
    if known is None and data.name not in {worker.name for worker in gateway.workers.workers}:
        raise NotFound(f"there is no worker {data.name!r}", param="name")
    known = known or Change(name=data.name, created_us=now_us())
    named = {
        name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET
    }
    await _save(gateway, by, msgspec.structs.replace(known, **named))


@delete("/admin/v1/workers", status_code=200, refusals=(404,))
async def remove_worker(
    gateway: TheGateway,
    caller: TheCaller,
    name: Annotated[str, QueryParameter(description="As the list has it.")],
) -> ListOf[WorkerInfo]:
    """Remove a worker that was added here or joined.  Those of `tollway.toml` can only be cordoned."""
    known = (await _changes(gateway)).get(name)
    if known is None or known.url is None:
        raise NotFound(
            f"no worker named {name!r} was added here; one of tollway.toml can be cordoned", param="name"
        )
    await gateway.database.write(lambda conn: remove(conn, caller.actor, name))
    await _adopt(gateway)
    return await list_workers.fn(gateway)  # type: ignore[no-any-return]


@put("/join/v1/worker", refusals=(409,))
async def join(gateway: TheGateway, data: JSONBody[NewWorker]) -> Joined:
    """Say that a worker is here, for `ttl_s` more, with these models, this weight and limit.  Cordoned stays so."""
    change = _added(data)
    known = (await _changes(gateway)).get(change.name)
    if known is not None and known.expires_us is None and known.url is not None:
        raise Conflict(f"{change.url} was added by an operator; it need not join")
    if known is None and any(worker.url == change.url for worker in gateway.workers.workers):
        raise Conflict(f"{change.url} is in tollway.toml; it need not join")
    expires_us = now_us() + HEARTBEAT_TTL_S * SECOND_US
    cordoned = known is not None and known.cordoned
    await _save(gateway, JOINER, msgspec.structs.replace(change, cordoned=cordoned, expires_us=expires_us))
    return Joined(heartbeat_s=HEARTBEAT_S, ttl_s=HEARTBEAT_TTL_S)


@delete("/join/v1/worker", status_code=200, refusals=(404,))
async def leave(
    gateway: TheGateway, url: Annotated[str, QueryParameter(description="As it joined.")]
) -> Left:
    """Leave.  The worker gets nothing new; what it is doing it may finish before it stops."""
    known = (await _changes(gateway)).get(_clean(url))
    if known is None or known.expires_us is None:
        raise NotFound(f"no worker joined as {url!r}", param="url")
    await gateway.database.write(lambda conn: remove(conn, JOINER, known.name))
    await _adopt(gateway)
    return Left(left=True)


def _added(data: NewWorker) -> Change:
    """Raises BadRequest."""
    url = _clean(data.url)
    return Change(
        name=url,
        url=url,
        models={name: name for name in data.models},
        weight=data.weight,
        concurrency_max=data.concurrency_max,
        created_us=now_us(),
    )


def _clean(url: str) -> str:
    """Raises BadRequest: no worker can be there."""
    found = re.fullmatch(URL_PATTERN, url)
    if found is None or len(url) > URL_CHARS_MAX or not 0 < int(found[3] or 80) <= PORT_MAX:
        raise BadRequest("url must be a worker's address, like http://10.0.0.2:8000", param="url")
    return url.rstrip("/").removesuffix("/v1")


async def _changes(gateway: Gateway) -> dict[str, Change]:
    return {
        change.name: change
        for change in await gateway.database.read(lambda conn: list_changes(conn, now_us()))
    }


async def _save(gateway: Gateway, by: str, change: Change) -> None:
    await gateway.database.write(lambda conn: save_worker(conn, by, change))
    await _adopt(gateway)


async def _adopt(gateway: Gateway) -> None:
    """Here at once; other processes read it soon (jobs/refresh_workers.py)."""
    if gateway.workers.apply((await _changes(gateway)).values()):
        await gateway.workers.discover()
