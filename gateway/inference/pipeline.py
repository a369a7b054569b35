"""One completion, in order: parse, bound, hold, choose a worker, relay, settle.

Credit is held before any worker is asked, and from then on a `Settlement` owes the ledger exactly one event.
"""

import anyio
import msgspec

from gateway.catalog.snapshot import Catalog
from gateway.credit.hold import place
from gateway.credit.types import Hold, Order
from gateway.errors import NotAllowed, TollwayError, WorkerUnreachable
from gateway.inference.estimate import estimate, order_for
from gateway.inference.events import Dialect
from gateway.inference.meter import Meter
from gateway.inference.relay import NOTHING, Client, Conversation, collect, failure, relay
from gateway.inference.request import ChatRequest, parse
from gateway.inference.respond import Responder
from gateway.inference.settlement import Settlement
from gateway.inference.trace import Trace
from gateway.inference.translate import dialect_spoken, translate
from gateway.keys.types import Caller
from gateway.kit.clock import SECOND_US, now_us
from gateway.kit.db import Database
from gateway.workers.ask import Exchange, ask
from gateway.workers.choose import order
from gateway.workers.http import HttpClient
from gateway.workers.registry import Registry
from gateway.workers.types import Timeouts


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """What a request needs, wired together in `app.py`."""

    database: Database
    catalog: Catalog
    workers: Registry
    client: HttpClient
    timeouts: Timeouts
    hold_ttl_s: float


async def run(
    gateway: Gateway, caller: Caller, body: bytes, dialect: Dialect, client: Client, trace: Trace
) -> None:
    """Answers one chat completion on `client`.

    Raises:
        TollwayError: whatever ends the request before its first byte; nothing was charged.
    """
    request = parse(body, dialect)
    model = gateway.catalog.require(request.model)
    trace.model, trace.streamed = model.id, request.stream
    bound = estimate(request, model)
    gateway.workers.serving(model.id)  # if nobody serves it, refuse before any credit moves
    expires_us = now_us() + int(gateway.hold_ttl_s * SECOND_US)
    hold = await _hold(
        gateway, order_for(request, model, bound, _payer(caller), trace.request_id, expires_us)
    )
    settlement = Settlement(gateway.database, hold, model, gateway.catalog.book.version, trace)
    exchange = await _open(gateway, request, model.id, hold, settlement, trace)
    talk = Conversation(
        client=client,
        exchange=exchange,
        meter=Meter(
            bound, template_tokens_max=model.template_tokens_max, output_tokens_max=hold.output_tokens_max
        ),
        responder=Responder(
            client=dialect, worker=dialect_spoken(exchange.worker.kind), include_usage=request.include_usage
        ),
        settlement=settlement,
        trace=trace,
        headers=_headers(request, hold),
    )
    await (relay(talk) if request.stream else collect(talk))


async def _hold(gateway: Gateway, wanted: Order) -> Hold:
    """Shielded: a client that leaves now must not leave credit held that nobody will settle."""
    with anyio.CancelScope(shield=True):
        hold = await gateway.database.write(lambda conn: place(conn, wanted))
    return hold


async def _open(
    gateway: Gateway, request: ChatRequest, model_id: str, hold: Hold, settlement: Settlement, trace: Trace
) -> Exchange:
    """The first worker that can be reached; if none answers with a 200, the hold is settled at nothing."""
    try:
        unreachable: WorkerUnreachable | None = None
        for worker in order(gateway.workers.serving(model_id), gateway.workers.in_flight):
            trace.worker = worker.name
            payload = translate(request, worker, model_id, hold.output_tokens_max)
            try:
                return await ask(gateway.client, worker, payload, gateway.timeouts, gateway.workers.in_flight)
            except WorkerUnreachable as error:
                unreachable = error
        assert unreachable is not None, "serving() names at least one worker, or raises"
        raise unreachable
    except BaseException as error:  # cancellation too: the client left before anything was delivered
        outcome = failure(error) if isinstance(error, TollwayError) else "client_gone"
        await settlement.close(outcome, NOTHING, "worker")
        raise


def _payer(caller: Caller) -> Caller:
    if caller.account_id is None:
        raise NotAllowed("an operator's key spends nothing; create a key for an account and use that")
    return caller


def _headers(request: ChatRequest, hold: Hold) -> dict[str, str]:
    """Says when the balance, not the request, limits the answer."""
    wanted = request.output_tokens_max
    clamped = wanted is not None and hold.output_tokens_max < wanted
    return {"x-tollway-max-tokens": str(hold.output_tokens_max)} if clamped else {}
