"""From a held request to a worker that has begun to answer it: choose, try, try another.

Until the first byte nothing has been delivered, so another worker may be asked, and only the one that answers is paid.
"""

import asyncio
import time

import anyio
import msgspec

from gateway.errors import (
    NoWorker,
    WorkerBusy,
    WorkerFailed,
    WorkerRefused,
    WorkerTimedOut,
    WorkerUnreachable,
)
from gateway.inference.gateway import Gateway
from gateway.inference.operations import WHOLE_ANSWER_HAS, prepare
from gateway.inference.relay import CLOSE_TIMEOUT_S, outcome_of
from gateway.inference.request import ChatRequest
from gateway.inference.settlement import Settlement
from gateway.inference.tally import NOTHING, Sizes
from gateway.inference.trace import Trace
from gateway.workers.ask import Exchange, ask
from gateway.workers.hedge import Hedging
from gateway.workers.load import Work
from gateway.workers.types import DRAINED_KINDS, Need, Timeouts, Worker

ATTEMPTS_MAX = 3
"""How many workers one request may try: enough to pass by two that are down, few enough not to be a storm."""
NOT_IN_PLAN = "model_not_in_plan"

Found = tuple[Worker, Work]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One request on its way to a worker."""

    gateway: Gateway
    request: ChatRequest
    sizes: Sizes
    need: Need


async def open_exchange(wanted: Wanted, settlement: Settlement, trace: Trace) -> Exchange:
    """The first worker that begins to answer; until its first byte another may be asked, and nothing is charged.

    What the caller did wrong is wrong everywhere, so a worker's refusal ends it.  If nobody answers, the hold is settled
    at nothing.

    Raises:
        NoWorker, WorkerBusy, WorkerFailed, WorkerRefused: of the last worker that said something.
    """
    try:
        exchange = await _open(wanted, trace)
    except BaseException as error:  # cancellation too: the client left before anything was delivered
        await settlement.close(outcome_of(error), NOTHING)
        raise
    trace.worker = exchange.worker.name
    trace.worker_cost = exchange.worker.cost_of(wanted.need.model_id)
    return exchange


async def _open(wanted: Wanted, trace: Trace) -> Exchange:
    gateway, begun = wanted.gateway, time.monotonic()
    gateway.retries.earn()
    failed: WorkerFailed | None = None
    tried: set[str] = set()
    for _ in range(ATTEMPTS_MAX):
        if failed is not None and not gateway.retries.spend():
            break
        if tried:
            tried -= {name for name in tried if gateway.router.health.is_back_since(name, begun)}
        # All attempts, and the waits between them, share the time that one request has.
        left_s = gateway.timeouts.request_s - (time.monotonic() - begun)
        try:
            found = await gateway.router.pick(wanted.need, tried, wait_s=max(0.0, left_s))
        except NoWorker:
            found = None  # the last one is gone meanwhile
            if failed is None:
                raise
        if found is None:
            break
        trace.worker = found[0].name
        left = gateway.timeouts.after(time.monotonic() - begun)
        try:
            return await _hedged(wanted, found, left, tried)
        except WorkerFailed as error:
            failed = error if failed is None or not isinstance(error, WorkerUnreachable) else failed
    assert failed is not None, "pick() finds somebody untried at first, or raises"
    raise failed


async def _hedged(wanted: Wanted, found: Found, left: Timeouts, tried: set[str]) -> Exchange:
    """One attempt, or, where that is wanted and it takes unusually long, two: the first to answer wins."""
    hedging, need = wanted.gateway.hedging, wanted.need
    after_s = None
    if hedging is not None:
        hedging.budget.earn()
        after_s = hedging.after_s(need.model_id, stream=wanted.request.stream)
    if hedging is None or after_s is None or found[0].kind in DRAINED_KINDS:  # those bill what they begin
        return await _attempt(wanted, found, left, tried)
    first = asyncio.create_task(_attempt(wanted, found, left, tried))
    racing = {first}
    try:
        done, _ = await asyncio.wait(racing, timeout=after_s)
        if not done:
            racing |= _second(wanted, hedging, {*tried, found[0].name}, left, tried)
        return await _first_good(racing)
    finally:
        await _drop(racing)


def _second(
    wanted: Wanted, hedging: Hedging, busy_with: set[str], left: Timeouts, tried: set[str]
) -> set["asyncio.Task[Exchange]"]:
    """An attempt at another worker that is free, if there is one and the budget allows it."""
    other = wanted.gateway.router.spare(wanted.need, busy_with)
    if other is None:
        return set()
    if other[0].kind in DRAINED_KINDS or not hedging.budget.spend():
        other[1].end()
        return set()
    return {asyncio.create_task(_attempt(wanted, other, left, tried))}


async def _first_good(racing: set["asyncio.Task[Exchange]"]) -> Exchange:
    """The first that succeeds leaves the race; raises the last failure if none does."""
    while True:
        done, _ = await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
        for attempt in done:
            if attempt.exception() is None:
                racing.discard(attempt)
                return attempt.result()
        if done == racing:
            return next(iter(done)).result()  # raises
        racing -= done


async def _drop(racing: set["asyncio.Task[Exchange]"]) -> None:
    """The losers are told to stop, and are not billed."""
    for attempt in racing:
        attempt.cancel()
    with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
        for lost in await asyncio.gather(*racing, return_exceptions=True):
            if isinstance(lost, Exchange):
                lost.close()


async def _attempt(wanted: Wanted, found: Found, left: Timeouts, tried: set[str]) -> Exchange:
    """Raises WorkerFailed or WorkerRefused; what the worker did is remembered either way."""
    gateway, need = wanted.gateway, wanted.need
    name, health, begun = found[0].name, gateway.router.health, time.monotonic()
    try:
        exchange = await _ask(wanted, found, left)
    except WorkerBusy as error:  # it may be asked again, when its pause is over
        health.busy(name, need.model_id, error.retry_after_s or 1)
        raise
    except WorkerFailed as error:
        tried.add(name)
        if error.code == NOT_IN_PLAN:
            gateway.workers.withdraw(name, need.model_id)
        elif isinstance(error, WorkerTimedOut):
            health.silent(name, time.monotonic() - begun)
        else:
            health.failed(name)
        raise
    except WorkerRefused:
        health.succeeded(name)
        raise
    health.heard(name)
    if exchange.limits.pause_s:
        health.busy(name, need.model_id, exchange.limits.pause_s)
    if gateway.hedging is not None:
        gateway.hedging.note(need.model_id, exchange.waited_s, stream=wanted.request.stream)
    return exchange


async def _ask(wanted: Wanted, found: Found, left: Timeouts) -> Exchange:
    """Sends it, and waits for the first byte."""
    worker, work = found
    try:
        path, payload = await prepare(wanted.request, worker, wanted.sizes, wanted.gateway.measure)
        exchange = await ask(wanted.gateway.client, worker, path, payload, left, work)
    except BaseException:  # a client that left, too
        work.end()
        raise
    try:
        await exchange.begin(stream=wanted.request.stream, has=WHOLE_ANSWER_HAS[wanted.request.operation])
    except BaseException:
        exchange.close()
        raise
    return exchange
