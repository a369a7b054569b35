"""From a held request to a worker that has begun to answer it: choose, try, try another.

Until the first byte nothing has been delivered, so another worker may be asked, and only the one that answers is paid.
"""

import time

from gateway.errors import WorkerBusy, WorkerFailed, WorkerRefused, WorkerUnreachable
from gateway.inference.gateway import Gateway
from gateway.inference.operations import WHOLE_ANSWER_HAS, able, prepare
from gateway.inference.relay import close_soon, outcome_of
from gateway.inference.request import ChatRequest
from gateway.inference.settlement import Settlement
from gateway.inference.tally import NOTHING, Sizes
from gateway.inference.trace import Trace
from gateway.workers.ask import Exchange, ask
from gateway.workers.load import Work
from gateway.workers.types import Timeouts, Worker

ATTEMPTS_MAX = 3
"""How many workers one request may try: enough to pass by two that are down, few enough not to be a storm."""


async def open_exchange(
    gateway: Gateway, request: ChatRequest, sizes: Sizes, settlement: Settlement, trace: Trace
) -> Exchange:
    """The first worker that begins to answer; until its first byte another may be asked, and nothing is charged.

    What the caller did wrong is wrong everywhere, so a worker's refusal ends it.  If nobody answers, the hold is settled
    at nothing.
    """
    try:
        failed: WorkerFailed | None = None
        begun, timeouts = time.monotonic(), gateway.timeouts
        workers = able(request, sizes.model, gateway.workers.order(sizes.model.id))
        for worker in workers[:ATTEMPTS_MAX]:
            trace.worker = worker.name
            if failed is not None:  # all attempts share the time that one request has
                timeouts = gateway.timeouts.after(time.monotonic() - begun)
            try:
                return await _attempt(gateway, worker, request, sizes, timeouts)
            except WorkerFailed as error:
                failed = error if failed is None or not isinstance(error, WorkerUnreachable) else failed
        assert failed is not None, "order() names at least one worker, or raises"
        raise failed
    except BaseException as error:  # cancellation too: the client left before anything was delivered
        await settlement.close(outcome_of(error), NOTHING)
        raise


async def _attempt(
    gateway: Gateway, worker: Worker, request: ChatRequest, sizes: Sizes, timeouts: Timeouts
) -> Exchange:
    """Raises WorkerFailed or WorkerRefused; what the worker did is remembered either way."""
    workers, health = gateway.workers, gateway.workers.health
    tokens = sizes.input_tokens_max + min(sizes.output_tokens_max, gateway.stream_hold_tokens)
    work = Work(workers.load(worker.name), tokens)
    path, payload = await prepare(request, worker, sizes, gateway.measure)
    try:
        exchange = await ask(gateway.client, worker, path, payload, timeouts, work)
        try:
            await exchange.begin(stream=request.stream, has=WHOLE_ANSWER_HAS[request.operation])
        except BaseException:
            await close_soon(exchange)
            raise
    except WorkerBusy as error:
        health.busy(worker.name, error.retry_after_s or 1)
        raise
    except WorkerFailed:
        health.failed(worker.name)
        raise
    except WorkerRefused:
        health.succeeded(worker.name)
        raise
    return exchange
