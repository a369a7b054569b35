"""Pass a worker's answer through and pay for what was produced, however it ends.

The client may vanish at any await: the task is then cancelled, and the `finally` blocks here still run, shielded.
A worker may break at any byte: then nothing is billed, and a client that has seen a prefix gets an error event.
Plain coroutines that write to a client, no generators: one that was never started would run no `finally`.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import anyio
import msgspec

from gateway.errors import TollwayError, WorkerFailed, WorkerRefused, WorkerTimedOut
from gateway.inference.allowance import Allowance
from gateway.inference.drains import Drains
from gateway.inference.measure import Measure
from gateway.inference.meter import Meter
from gateway.inference.repeat import Repeat
from gateway.inference.respond import Responder
from gateway.inference.settlement import Settlement, usage_fields
from gateway.inference.skim import skim
from gateway.inference.tally import NOTHING, Sizes, Tally, tally
from gateway.inference.trace import Trace
from gateway.kit import sse
from gateway.kit.db import WriteConn
from gateway.metering.batch import Settled
from gateway.metering.types import Outcome
from gateway.replay.types import Stored
from gateway.workers.ask import Exchange

CLOSE_TIMEOUT_S = 5.0
_ITS_FAULT: frozenset[Outcome] = frozenset({"worker_failed", "deadline"})


class Client(Protocol):
    """The other end: where an answer is written.  `api/` has the real one."""

    begun: bool

    def tell(self, headers: Mapping[str, str]) -> None:
        """Headers of the answer, whatever it will be."""

    async def answer(self, headers: Mapping[str, str], body: bytes) -> None: ...

    def begin_stream(self, headers: Mapping[str, str]) -> None: ...

    def write(self, piece: bytes) -> None:
        """Leaves with the next `flush`, or with the end; so does a stream's head."""

    async def flush(self) -> None: ...

    async def end_stream(self) -> None: ...

    async def replay(self, stored: Stored) -> None: ...


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who takes part in one answer."""

    client: Client
    exchange: Exchange
    meter: Meter
    sizes: Sizes
    measure: Measure
    responder: Responder
    settlement: Settlement
    trace: Trace
    headers: dict[str, str]
    repeat: Repeat | None
    hold_step: int
    report: Callable[[bool], None]
    """Remembers whether this worker did well: it answered whole, or it broke or was silent too long."""

    async def tally(self) -> Tally:
        held = self.settlement.output_tokens_held
        return await tally(self.meter, self.sizes, self.exchange.worker.kind, self.measure, held)


async def relay(talk: Conversation, drains: Drains) -> None:
    """A stream: pieces as they come; then, once the bill is durable, the tail with the bill in it.

    Raises:
        TollwayError: before the first byte; nothing was charged, and the client can get a proper status.
    """
    outcome: Outcome = "client_gone"
    try:
        end = await _pass_on(talk)
        talk.report(True)
        _write(talk, await _settle(talk, end, lambda settled: talk.responder.tail(_usage(talk, settled))))
        await talk.client.end_stream()
    except BaseException as error:
        outcome = outcome_of(error)
        if outcome in _ITS_FAULT:
            talk.report(False)
        if not isinstance(error, TollwayError) or not talk.client.begun:
            raise
        talk.trace.error = error.code
        talk.client.write(sse.encode(error.body(talk.trace.request_id)))
        await talk.client.end_stream()
    finally:
        if not (outcome == "client_gone" and drains.take(_drain(talk), talk.exchange.worker.kind)):
            await _end(talk, outcome)


async def collect(talk: Conversation) -> None:
    """A whole answer, sent once its bill is durable.

    Raises:
        TollwayError: nothing was charged.
    """
    outcome: Outcome = "client_gone"
    try:
        body = await talk.exchange.body()
        talk.trace.first_byte()
        event = talk.meter.note(talk.responder.read(body))
        talk.report(True)
        whole = await _settle(
            talk, "completed", lambda settled: talk.responder.whole(body, event, _usage(talk, settled))
        )
        await talk.client.answer(talk.headers, whole)
    except BaseException as error:
        outcome = outcome_of(error)
        if outcome in _ITS_FAULT:
            talk.report(False)
        raise
    finally:
        _stop_worker(talk)
        if not talk.settlement.closed:
            # A client that left before its answer was sent has seen nothing of it, and pays nothing.
            await talk.settlement.close(outcome, NOTHING)


async def _pass_on(talk: Conversation) -> Outcome:
    """Pieces, until the worker says it is done, or credit ends; the last ones are kept back.

    What came together goes on together, and at once.
    """
    meter, responder = talk.meter, talk.responder
    allowance = Allowance(talk.settlement, talk.sizes.output_tokens_max, talk.hold_step)
    while events := await talk.exchange.more():
        if not talk.client.begun:
            talk.trace.first_byte()
        payloads = sse.payloads(_skim(talk, events, allowance.ask_at))
        for payload in payloads:
            if payload == sse.DONE:
                break
            event = meter.observe(payload)
            if meter.finish_reason is not None:
                responder.keep_back(payload)
            elif (piece := responder.chunk(payload, event)) is not None:
                _write(talk, piece)
                if meter.output_tokens >= allowance.ask_at and not await allowance.covers(meter):
                    _stop_worker(talk)
                    responder.cut_short()
                    return "credit_ended"
        await talk.client.flush()
        if sse.DONE in payloads:
            break
    if not meter.finished:
        raise WorkerFailed(
            "the worker ended its answer before it was complete; nothing was charged", work_started=True
        )
    return "completed"


def _skim(talk: Conversation, events: bytes, ask_at: int) -> bytes:
    """Passes on, all at once, what need not be looked at piece by piece; returns the rest.  Nothing, where credit is to be asked for."""
    if talk.meter.listens or talk.meter.finished or not talk.responder.passes_on:
        return events
    while (found := skim(events)) is not None:
        usage, produced = found.usage, talk.meter.output_tokens + found.count
        if (produced if usage is None else usage.output_tokens) >= ask_at:
            break
        talk.meter.skimmed(found)
        _write(talk, talk.responder.skimmed(found))
        events = found.rest
    return events


def _write(talk: Conversation, piece: bytes) -> None:
    """The first piece brings the head: until then a failure can still become a proper status."""
    if not talk.client.begun:
        talk.client.begin_stream(talk.headers)
    if talk.repeat is not None:
        talk.repeat.hear(piece)
    talk.client.write(piece)


async def _settle(talk: Conversation, outcome: Outcome, end: Callable[[Settled], bytes]) -> bytes:
    """Settles a complete answer and returns its last bytes, which show what was charged."""
    repeat = talk.repeat

    def keep(conn: WriteConn, settled: Settled) -> None:
        if repeat is not None:
            repeat.keep(conn, end(settled), streamed=talk.trace.streamed)

    settled = await talk.settlement.close(outcome, await talk.tally(), keep)
    assert settled is not None, "a complete answer is settled once, here"
    return end(settled)


def _usage(talk: Conversation, settled: Settled) -> dict[str, Any]:
    worker = talk.meter.final_usage
    return usage_fields(settled, {} if worker is None else worker.fields)


async def _end(talk: Conversation, outcome: Outcome) -> None:
    """Stops the worker and settles what was delivered, even while our own task is being cancelled."""
    _stop_worker(talk)
    if not talk.settlement.closed:
        await talk.settlement.close(outcome, await _delivered(talk) if talk.meter.deltas else NOTHING)


async def _drain(talk: Conversation) -> None:
    """The client left, but the upstream goes on and bills it: read to its usage, then settle what it says."""
    try:
        while events := await talk.exchange.more():
            for payload in sse.payloads(events):
                if payload == sse.DONE:
                    return
                talk.meter.observe(payload)
    except TollwayError as error:
        talk.trace.error = error.code
    finally:
        _stop_worker(talk)
        await talk.settlement.close("client_gone", await _delivered(talk))


async def _delivered(talk: Conversation) -> Tally:
    """Nothing, if it cannot be counted in time: a stop must end."""
    counted = NOTHING
    with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
        counted = await talk.tally()
    return counted


def _stop_worker(talk: Conversation) -> None:
    """A no-op after a whole answer; otherwise at once."""
    talk.trace.upstream_s = talk.exchange.waited_s
    talk.exchange.close()


def outcome_of(error: BaseException) -> Outcome:
    if isinstance(error, WorkerTimedOut):
        return "deadline"
    if isinstance(error, WorkerFailed):
        return "worker_failed"
    if isinstance(error, WorkerRefused):
        return "worker_refused"
    return "client_gone" if isinstance(error, asyncio.CancelledError) else "gateway_failed"
