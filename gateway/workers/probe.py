"""Try workers that failed with a real completion of one token, or one word to embed: a frozen engine still answers 200
to `/health`.

Failure mode: open.  A probe that fails only leaves the worker where it was, at the end of the line.
"""

import asyncio
from typing import Any

import msgspec

from gateway.catalog.types import Operation
from gateway.errors import TollwayError
from gateway.kit.log import logger
from gateway.workers.ask import post_json
from gateway.workers.http import HttpClient
from gateway.workers.registry import Registry
from gateway.workers.types import DRAINED_KINDS, Timeouts, Worker

EVERY_S = 0.5
PROBE_TIMEOUT_S = 10.0
_QUESTIONS: dict[Operation, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}),
    "fim": ("/v1/completions", {"prompt": "Hi", "max_tokens": 1}),
    "embeddings": ("/v1/embeddings", {"input": "Hi"}),
}
"""What is asked, the first that one of the worker's models offers."""


async def probe_workers(workers: Registry, client: HttpClient) -> None:
    """Runs for the life of the process."""
    while True:
        await asyncio.sleep(EVERY_S)
        waiting = [worker for worker in workers.workers if workers.health.wants_probe(worker.name)]
        await asyncio.gather(*(probe(workers, client, worker) for worker in waiting))


async def probe(workers: Registry, client: HttpClient, worker: Worker) -> None:
    """One token; paid by nobody.  An upstream that would bill us for it is tried by the next real request instead."""
    if not worker.models or worker.kind in DRAINED_KINDS:
        workers.health.succeeded(worker.name)
        return
    path, body = _question(workers, worker)
    timeouts = Timeouts(first_byte_s=PROBE_TIMEOUT_S, chunk_gap_s=PROBE_TIMEOUT_S, request_s=PROBE_TIMEOUT_S)
    try:
        await post_json(client, worker, path, msgspec.json.encode(body), timeouts)
    except TollwayError as error:
        workers.health.failed(worker.name)
        logger().info("worker_still_out", worker=worker.name, reason=error.message)
    else:
        workers.health.succeeded(worker.name)
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
