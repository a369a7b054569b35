"""Try workers with a real completion of one token, or one word to embed: a frozen engine still answers 200 to `/health`.

Tried are those that are out and whose pause is over, and those that have work from us and were silent for long: that is
how a frozen worker is found before the requests that wait for it give up.

Failure mode: open.  A probe that fails only moves the worker to the end of the line.
"""

import asyncio
import time
from typing import Any

import msgspec

from gateway.catalog.types import Operation
from gateway.errors import TollwayError, WorkerBusy
from gateway.kit.log import logger
from gateway.workers.ask import post_json
from gateway.workers.http import HttpClient
from gateway.workers.registry import Registry
from gateway.workers.router import Router
from gateway.workers.types import DRAINED_KINDS, Timeouts, Worker

EVERY_S = 0.5
PROBE_TIMEOUT_S = 10.0
SILENT_S = 5.0
"""A worker with requests in flight that has begun or ended none for so long is tried."""
_QUESTIONS: dict[Operation, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}),
    "fim": ("/v1/completions", {"prompt": "Hi", "max_tokens": 1}),
    "embeddings": ("/v1/embeddings", {"input": "Hi"}),
}
"""What is asked, the first that one of the worker's models offers."""


async def probe_workers(router: Router, client: HttpClient) -> None:
    """Runs for the life of the process.  One probe of a worker at a time; a slow one keeps no other waiting."""
    running: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            await asyncio.sleep(EVERY_S)
            running = {name: task for name, task in running.items() if not task.done()}
            for worker in router.registry.workers:
                if worker.name not in running and wants_probe(router, worker):
                    running[worker.name] = asyncio.create_task(probe(router, client, worker))
    finally:
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)


def wants_probe(router: Router, worker: Worker) -> bool:
    health, name = router.health, worker.name
    if health.is_open(name):
        return health.wants_probe(name)
    load = router.loads.of(name)
    if worker.kind in DRAINED_KINDS or load.requests == 0:
        return False
    return min(health.silent_for(name), time.monotonic() - load.busy_since) > SILENT_S


async def probe(router: Router, client: HttpClient, worker: Worker) -> None:
    """One token; paid by nobody.  An upstream that would bill us for it is tried by the next real request instead."""
    health = router.health
    if not worker.models or worker.kind in DRAINED_KINDS:
        health.succeeded(worker.name)
        return
    path, body = _question(router.registry, worker)
    timeouts = Timeouts(first_byte_s=PROBE_TIMEOUT_S, chunk_gap_s=PROBE_TIMEOUT_S, request_s=PROBE_TIMEOUT_S)
    was_out = health.is_open(worker.name)
    try:
        await post_json(client, worker, path, msgspec.json.encode(body), timeouts)
    except TollwayError as error:
        if isinstance(error, WorkerBusy) and not was_out:
            health.heard(worker.name)  # alive, and says so
            return
        health.failed(worker.name)
        logger().info("worker_failed_probe", worker=worker.name, reason=error.message)
    else:
        health.succeeded(worker.name)
        if was_out:
            logger().info("worker_back", worker=worker.name)


def _question(workers: Registry, worker: Worker) -> tuple[str, dict[str, Any]]:
    """A chat where one of its models has it; a worker of embeddings alone cannot generate."""
    for operation, (path, body) in _QUESTIONS.items():
        for model_id, own in worker.models.items():
            model = workers.model(model_id)
            if model is not None and operation in model.operations:
                return path, {"model": own, **body}
    path, body = _QUESTIONS["chat"]  # the price book has dropped all of its models meanwhile
    return path, {"model": next(iter(worker.models.values())), **body}
