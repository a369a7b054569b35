"""One completion, in order: parse, bound, hold, choose a worker, relay, settle.

Credit is held before any worker is asked, and from then on a `Settlement` owes the ledger exactly one event.
"""

import time

import msgspec

from gateway.catalog.snapshot import Catalog
from gateway.catalog.types import PriceBook
from gateway.credit.types import Hold, Order
from gateway.errors import WorkerBusy, WorkerFailed, WorkerRefused, WorkerUnreachable
from gateway.inference.audit import Answered, Audits
from gateway.inference.drains import Drains
from gateway.inference.estimate import exactly, fit, order_for, payer, size_up, within
from gateway.inference.events import Dialect
from gateway.inference.measure import Measure
from gateway.inference.meter import Meter
from gateway.inference.relay import Client, Conversation, close_soon, collect, outcome_of, relay
from gateway.inference.repeat import Repeat, claim_of
from gateway.inference.request import ChatRequest, parse
from gateway.inference.respond import Responder
from gateway.inference.settlement import Settlement
from gateway.inference.tally import NOTHING, Sizes
from gateway.inference.trace import Trace
from gateway.inference.translate import dialect_spoken, translate
from gateway.keys.types import Caller
from gateway.kit.clock import SECOND_US, now_us
from gateway.kit.db import Database
from gateway.metering.writer import Writer
from gateway.workers.ask import Exchange, ask
from gateway.workers.http import HttpClient
from gateway.workers.load import Work
from gateway.workers.registry import Registry
from gateway.workers.types import Timeouts, Worker

ATTEMPTS_MAX = 3
"""How many workers one request may try: enough to pass by two that are down, few enough not to be a storm."""


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """What a request needs, wired together in `app.py`."""

    database: Database
    catalog: Catalog
    workers: Registry
    client: HttpClient
    timeouts: Timeouts
    measure: Measure
    drains: Drains
    audits: Audits
    writer: Writer
    stream_hold_tokens: int
    claim_ttl_s: float
    idempotency_ttl_s: float


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the edge hands it over: who calls, with which bytes, in which dialect."""

    caller: Caller
    body: bytes
    dialect: Dialect
    idempotency_key: str = ""


async def run(gateway: Gateway, arrival: Arrival, client: Client, trace: Trace) -> None:
    """Answers one chat completion on `client`, once per Idempotency-Key.

    Raises:
        TollwayError: whatever ends the request before its first byte; nothing was charged.
    """
    if not arrival.idempotency_key:
        await _run(gateway, arrival, client, trace, None)
        return
    claim = claim_of(
        arrival.idempotency_key,
        arrival.body,
        arrival.dialect,
        account_id=payer(arrival.caller),
        request_id=trace.request_id,
        expires_us=now_us() + int(gateway.claim_ttl_s * SECOND_US),
    )
    repeat = Repeat(gateway.database, claim, ttl_s=gateway.idempotency_ttl_s)
    stored = await repeat.claim()
    if stored is not None:
        trace.replay_of = stored.request_id
        await client.replay(stored)
        return
    try:
        await _run(gateway, arrival, client, trace, repeat)
    finally:
        await repeat.release()


async def _run(
    gateway: Gateway, arrival: Arrival, client: Client, trace: Trace, repeat: Repeat | None
) -> None:
    """Parse, bound, hold, choose, relay, settle: the order of everything."""
    prices = gateway.catalog.now()
    request = parse(arrival.body, arrival.dialect)
    model = prices.require(request.model)
    trace.model, trace.streamed = model.id, request.stream
    sizes = await fit(request, size_up(request, model), gateway.measure)
    sizes = await within(request.max_cost_nanousd, sizes, gateway.measure)
    gateway.workers.serving(model.id)  # if nobody serves it, refuse before any credit moves
    sizes, order, hold = await _hold(gateway, request, sizes, prices.book, arrival.caller, trace.request_id)
    settlement = Settlement(gateway.writer, order, hold, model, prices.book, trace)
    exchange = await _open(gateway, request, sizes, settlement, trace)
    kind, audited = exchange.worker.kind, gateway.audits.wants(sizes)
    talk = Conversation(
        client=client,
        exchange=exchange,
        meter=Meter(kind, audited=audited),
        sizes=sizes,
        measure=gateway.measure,
        responder=Responder(
            client=arrival.dialect, worker=dialect_spoken(kind), include_usage=request.include_usage
        ),
        settlement=settlement,
        trace=trace,
        headers=_headers(request, sizes),
        repeat=repeat,
        hold_step=gateway.stream_hold_tokens,
        report=lambda well: gateway.workers.health.report(exchange.worker.name, well=well),
    )
    await (relay(talk, gateway.drains) if request.stream else collect(talk))
    if audited:
        gateway.audits.offer(
            Answered(request_id=trace.request_id, worker=exchange.worker, sizes=sizes, meter=talk.meter)
        )


async def _hold(
    gateway: Gateway, request: ChatRequest, sizes: Sizes, book: PriceBook, caller: Caller, request_id: str
) -> tuple[Sizes, Order, Hold]:
    """All that is asked, or a stream's first step of it: from plenty by its bound, else by its exact count.  From
    a balance too small for that, what it affords, and then that is the most the answer may have.
    """
    tokens = (
        min(sizes.output_tokens_max, gateway.stream_hold_tokens)
        if request.stream
        else sizes.output_tokens_max
    )

    def order(sizes: Sizes) -> Order:
        free = book.monthly_free_nanousd
        return order_for(sizes, caller, request_id, output_tokens=tokens, monthly_free_nanousd=free)

    wanted = order(sizes)
    hold = await gateway.writer.hold_bound(wanted)
    if hold is None:
        sizes = await exactly(sizes, gateway.measure)
        wanted = order(sizes)
        hold = await gateway.writer.hold(wanted)
        if hold.output_tokens_max < tokens:
            sizes = msgspec.structs.replace(sizes, output_tokens_max=hold.output_tokens_max)
    return sizes, wanted, hold


async def _open(
    gateway: Gateway, request: ChatRequest, sizes: Sizes, settlement: Settlement, trace: Trace
) -> Exchange:
    """The first worker that begins to answer; until its first byte another may be asked, and nothing is charged.

    What the caller did wrong is wrong everywhere, so a worker's refusal ends it.  If nobody answers, the hold is settled
    at nothing.
    """
    try:
        failed: WorkerFailed | None = None
        begun, timeouts = time.monotonic(), gateway.timeouts
        for worker in gateway.workers.order(sizes.model.id)[:ATTEMPTS_MAX]:
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
    try:
        exchange = await ask(gateway.client, worker, translate(request, worker, sizes), timeouts, work)
        try:
            await exchange.begin(stream=request.stream)
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


def _headers(request: ChatRequest, sizes: Sizes) -> dict[str, str]:
    """Says when money (the balance, a cap, `max_cost_usd`), not `max_tokens`, limits the answer."""
    clamped = sizes.output_tokens_max < (request.output_tokens_max or sizes.model.context_tokens)
    return {"x-tollway-max-tokens": str(sizes.output_tokens_max)} if clamped else {}
