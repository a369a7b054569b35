"""One request, in order: parse, bound, let in, hold, choose a worker, relay, settle.

Credit is held before any worker is asked, and from then on a `Settlement` owes the ledger exactly one event.
"""

import msgspec

from gateway.catalog.types import Operation, PriceBook
from gateway.credit.types import Hold, Order
from gateway.inference.admit import admit, limit_headers, spent
from gateway.inference.audit import Answered
from gateway.inference.default_prompt import with_default_prompt
from gateway.inference.estimate import exactly, fit, order_for, payer, size_up, within
from gateway.inference.events import Dialect
from gateway.inference.gateway import Gateway
from gateway.inference.meter import Meter
from gateway.inference.need import need_of, spot_of
from gateway.inference.open import Wanted, open_exchange
from gateway.inference.operations import kinds_for, parse_as, refuse_unoffered, responder_for
from gateway.inference.relay import Client, Conversation, collect, relay
from gateway.inference.repeat import Repeat, claim_of
from gateway.inference.request import ChatRequest
from gateway.inference.settlement import Settlement
from gateway.inference.tally import Sizes
from gateway.inference.trace import Trace
from gateway.keys.allow import check_account, check_model
from gateway.keys.types import Caller
from gateway.kit.clock import SECOND_US, now_us
from gateway.workers.types import Need


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the edge hands it over: who calls, for what, with which bytes, in which dialect."""

    caller: Caller
    body: bytes
    dialect: Dialect
    operation: Operation = "chat"
    idempotency_key: str = ""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was understood, measured and let in: what it asks, of whom, at which prices."""

    caller: Caller
    request: ChatRequest
    sizes: Sizes
    need: Need
    book: PriceBook


async def run(gateway: Gateway, arrival: Arrival, client: Client, trace: Trace) -> None:
    """Answers one request on `client`, once per Idempotency-Key.

    Raises:
        TollwayError: whatever ends the request before its first byte; nothing was charged.
    """
    check_account(arrival.caller)
    if not arrival.idempotency_key:
        await _run(gateway, arrival, client, trace, None)
        return
    if (
        arrival.caller.models is not None
    ):  # an earlier answer is given again only to a key that could ask for it
        request = parse_as(arrival.operation, arrival.body, arrival.dialect)
        check_model(arrival.caller, gateway.catalog.require(request.model).id)
    claim = claim_of(
        arrival.idempotency_key,
        arrival.body,
        arrival.dialect if arrival.operation == "chat" else arrival.operation,
        account_id=payer(arrival.caller),
        request_id=trace.request_id,
        expires_us=now_us() + int(gateway.claim_ttl_s * SECOND_US),
    )
    repeat = Repeat(gateway.database, claim, ttl_s=gateway.idempotency_ttl_s)
    stored = await repeat.claim()
    if stored is not None:
        trace.replay_of = stored.request_id
        client.tell(limit_headers(gateway.limits, arrival.caller))
        await client.replay(stored)
        return
    try:
        await _run(gateway, arrival, client, trace, repeat)
    finally:
        await repeat.release()


async def _run(
    gateway: Gateway, arrival: Arrival, client: Client, trace: Trace, repeat: Repeat | None
) -> None:
    """Parse, bound, let in; then all the rest, after which the request is over, however it ended."""
    prices = gateway.catalog.now()
    request = parse_as(arrival.operation, arrival.body, arrival.dialect)
    model = prices.require(request.model)
    check_model(arrival.caller, model.id)
    refuse_unoffered(request.operation, model)
    request = with_default_prompt(request, model)
    request = msgspec.structs.replace(request, account_id=payer(arrival.caller))
    trace.model, trace.streamed = model.id, request.stream
    sizes = await fit(request, size_up(request, model), gateway.measure)
    sizes = await within(request.max_cost_nanousd, sizes, gateway.measure)
    # If nobody serves it, refuse before any credit moves.
    need = _need(gateway, request, sizes, arrival.caller)
    step = gateway.stream_hold_tokens
    sizes, admission = await admit(
        gateway.limits, arrival.caller, request, sizes, gateway.measure, step=step, tell=client.tell
    )
    try:
        ready = Ready(caller=arrival.caller, request=request, sizes=sizes, need=need, book=prices.book)
        await _serve(gateway, ready, client, trace, repeat)
    finally:  # nothing awaits in here, so that it is done for a client that left, too
        gateway.limits.end(admission, spent(admission, trace))


async def _serve(gateway: Gateway, ready: Ready, client: Client, trace: Trace, repeat: Repeat | None) -> None:
    """Hold, choose, relay, settle: from the hold on, the ledger is owed an event."""
    request, book, model = ready.request, ready.book, ready.sizes.model
    sizes, order, hold = await _hold(gateway, request, ready.sizes, book, ready.caller, trace.request_id)
    trace.held = True
    settlement = Settlement(
        gateway.writer, order, hold, model, book, trace, generates=sizes.output_tokens_max > 0
    )
    wanted = Wanted(gateway=gateway, request=request, sizes=sizes, need=ready.need)
    exchange = await open_exchange(wanted, settlement, trace)
    kind, audited = exchange.worker.kind, gateway.audits.wants(sizes)
    talk = Conversation(
        client=client,
        exchange=exchange,
        meter=Meter(kind, audited=audited),
        sizes=sizes,
        measure=gateway.measure,
        responder=responder_for(request, kind),
        settlement=settlement,
        trace=trace,
        headers=_headers(request, sizes),
        repeat=repeat,
        hold_step=gateway.stream_hold_tokens,
        report=lambda well: gateway.router.health.report(exchange.worker.name, well=well),
    )
    exchange.watch(lambda: talk.meter.output_tokens)
    await (relay(talk, gateway.drains) if request.stream else collect(talk))
    if audited:
        gateway.audits.offer(
            Answered(request_id=trace.request_id, worker=exchange.worker, sizes=sizes, meter=talk.meter)
        )


def _need(gateway: Gateway, request: ChatRequest, sizes: Sizes, caller: Caller) -> Need:
    """Raises NoWorker, and BadRequest: those who serve the model do not understand the request."""
    kinds = kinds_for(request, sizes.model, gateway.workers)
    need = need_of(sizes, caller, hold_step=gateway.stream_hold_tokens, kinds=kinds)
    if len(gateway.router.allowed(need)) == 1:
        return need
    return msgspec.structs.replace(need, spot=spot_of(request, need.model_id, need.account_id))


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


def _headers(request: ChatRequest, sizes: Sizes) -> dict[str, str]:
    """Says when money (the balance, a cap, `max_cost_usd`), not `max_tokens`, limits the answer."""
    wanted = request.output_tokens_max
    clamped = sizes.output_tokens_max < (sizes.model.context_tokens if wanted is None else wanted)
    return {"x-tollway-max-tokens": str(sizes.output_tokens_max)} if clamped else {}
