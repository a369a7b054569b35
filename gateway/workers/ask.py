"""Ask a worker for a completion or for embeddings: open it, follow its stream, read its body, each under a deadline.

What goes wrong becomes one error of the tree in `errors.py`, in words for the caller; a worker's address, key or
internals are never among them.
"""

import time
from collections.abc import Callable
from math import ceil

import msgspec

from gateway.errors import WorkerBusy, WorkerFailed, WorkerRefused
from gateway.kit import sse
from gateway.workers.http import Answer, HttpClient, authorization, read_body
from gateway.workers.load import Work
from gateway.workers.mistral import NO_LIMITS, Limits, limits_now
from gateway.workers.types import DRAINED_KINDS, Timeouts, Worker

BODY_BYTES_MAX = 64 * 2**20
ERROR_BYTES_MAX = 64 * 2**10
SMALL_BYTES_MAX = 2**20
"""A count, a token, one vector: 8,192 dimensions are 180 kB as text."""
EVENT_BYTES_MAX = 8 * 2**20
"""One event of a stream: a large tool call is kilobytes."""
RETRY_AFTER_S_MAX = 3600
OK = 200
_TOO_LARGE = b"is too large to process"
"""llama.cpp's 500 for an input longer than its batch: the caller's mistake, and no reason to give the worker up."""


class Exchange:
    """One request to one worker, from its answer's head on.  `close` stops the worker, at any time."""

    def __init__(self, worker: Worker, answer: Answer, timeouts: Timeouts, begun: float, work: Work) -> None:
        self.worker = worker
        self._answer: Answer | None = answer
        self._framer = sse.Framer(EVENT_BYTES_MAX)
        self._events = b""
        self._ended = False
        self._work = work
        self._body: bytes | None = None
        self._timeouts = timeouts
        self._gap_s = timeouts.chunk_gap_s
        self._deadline = begun + timeouts.request_s
        self.limits = limits_now(answer.headers) if worker.kind == "mistral" else NO_LIMITS
        self.waited_s = time.monotonic() - begun
        """Seconds spent waiting for the worker so far: the rest of a request's time is the gateway's own."""

    async def more(self) -> bytes:
        """The events of a stream that are here, whole, `[DONE]` included, or else the next; nothing at its end.

        A cancelled call loses nothing: the next one goes on.

        Raises:
            WorkerTimedOut: silence between two chunks for longer than `chunk_gap_s`.
            WorkerFailed: the stream was cut, or is not a stream of events.
        """
        assert self._answer is not None, "a closed exchange has nothing more to say"
        if "text/event-stream" not in self._answer.headers.get("content-type", ""):
            raise _nonsense("something else than a stream of events")
        try:
            while not self._events and not self._ended:
                chunk = await self._read(self._gap_s)
                self._ended = not chunk
                self._events = self._framer.feed(chunk) if chunk else self._framer.finish()
        except sse.EventTooLong as error:
            raise _nonsense(str(error)) from error
        found, self._events = self._events, b""
        return found

    async def begin(self, *, stream: bool, has: bytes) -> None:
        """Waits for the first events of a stream, or for the whole of an answer that is none: until then another worker may be asked.

        `has` is what every whole answer of its sort has in it.

        Raises:
            WorkerFailed, WorkerTimedOut: nothing came, or nothing that can be used.
        """
        if not stream:
            self._body = await self.body()
            if has not in self._body:
                raise _nonsense("something that is no answer")
        elif self.worker.kind not in DRAINED_KINDS:  # what those have begun is read to its end, and billed
            gap, self._gap_s = self._gap_s, self._timeouts.first_byte_s
            try:
                self._events = await self.more()
            finally:
                self._gap_s = gap

    async def body(self) -> bytes:
        """The whole answer.  Raises WorkerFailed or WorkerTimedOut."""
        if self._body is not None:
            return self._body
        assert self._answer is not None, "a closed exchange has nothing more to say"
        begun = time.monotonic()
        try:
            within_s = min(self._timeouts.first_byte_s, self._deadline - begun)
            return await read_body(self._answer, BODY_BYTES_MAX, within_s)
        finally:
            self.waited_s += time.monotonic() - begun

    def watch(self, written: Callable[[], int]) -> None:
        """As `Work.watch`: the worker's load has what it writes."""
        self._work.watch(written)

    def close(self) -> None:
        """Again: does nothing."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        self._work.end()
        answer.close()

    async def _read(self, within_s: float) -> bytes:
        assert self._answer is not None, "a closed exchange has nothing more to say"
        begun = time.monotonic()
        try:
            return await self._answer.read(min(within_s, self._deadline - begun))
        finally:
            self.waited_s += time.monotonic() - begun


async def ask(
    client: HttpClient, worker: Worker, path: str, payload: bytes, timeouts: Timeouts, work: Work
) -> Exchange:
    """Sends a request; returns when the worker has begun to answer it with a 200.

    Raises:
        WorkerUnreachable: no connection; another worker may be asked.
        WorkerRefused: the caller's mistake, in the worker's words.
        WorkerBusy, WorkerTimedOut, WorkerFailed: the worker's trouble.

    `work` ends when the exchange is closed; if there is none, it is the caller's to end.
    """
    begun = time.monotonic()
    answer = await _post(client, worker, path, payload, timeouts)
    return Exchange(worker, answer, timeouts, begun, work)


async def post_json(
    client: HttpClient, worker: Worker, path: str, payload: bytes, timeouts: Timeouts
) -> bytes:
    """A small question with a small answer; raises what `ask` raises."""
    answer = await _post(client, worker, path, payload, timeouts)
    try:
        return await read_body(answer, SMALL_BYTES_MAX, timeouts.first_byte_s)
    finally:
        answer.close()


async def _post(client: HttpClient, worker: Worker, path: str, payload: bytes, timeouts: Timeouts) -> Answer:
    """An answer with status 200, its body still to come."""
    headers = {"content-type": "application/json", "accept": "*/*", **authorization(worker)}
    url, within_s = worker.url + path, timeouts.first_byte_s
    answer = await client.send("POST", url, headers, payload, within_s=within_s)
    if answer.status == OK:
        return answer
    raise _refusal(answer, await _error_body(answer, timeouts))


async def _error_body(answer: Answer, timeouts: Timeouts) -> bytes:
    try:
        return await read_body(answer, ERROR_BYTES_MAX, timeouts.chunk_gap_s)
    except WorkerFailed:
        return b""  # its status alone says enough
    finally:
        answer.close()


def _refusal(answer: Answer, detail: bytes) -> WorkerFailed | WorkerRefused:
    status = answer.status
    if status in (429, 503):
        limits = limits_now(answer.headers)
        if limits.not_in_plan:
            return WorkerFailed(
                "the upstream does not serve this model to the gateway's account; tell the operator",
                code="model_not_in_plan",
            )
        return WorkerBusy(
            "the worker is busy; nothing was charged, try again later",
            retry_after_s=_retry_after(answer, limits),
        )
    if status in (400, 404, 413, 422):
        return WorkerRefused(_words(detail), status=400 if status == 422 else status)
    if status in (401, 403):
        return WorkerFailed(
            "the worker does not accept the gateway's credentials; tell the operator", code="worker_denied"
        )
    if _TOO_LARGE in detail:
        return WorkerRefused(_words(detail), status=400)
    return WorkerFailed(f"the worker failed with status {status}; nothing was charged", work_started=True)


def _retry_after(answer: Answer, limits: Limits) -> int:
    """Its own word, else until its rate limit's window ends, else a second."""
    text = answer.headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return min(int(text), RETRY_AFTER_S_MAX)
    return max(1, ceil(limits.pause_s))


class _Detail(msgspec.Struct):
    error: msgspec.Raw = msgspec.Raw(b"")
    message: msgspec.Raw = msgspec.Raw(b"")
    detail: msgspec.Raw = msgspec.Raw(b"")


def _words(detail: bytes) -> str:
    """The worker's message, wherever its dialect puts it; else the beginning of what it said."""
    prefix = "the worker refused the request: "
    found = detail
    try:
        while True:
            parts = msgspec.json.decode(found, type=_Detail)
            found = bytes(parts.error or parts.message or parts.detail)
            if not found:
                break
    except msgspec.DecodeError:
        pass  # found is the innermost part that is no object: usually the message
    try:
        return prefix + str(msgspec.json.decode(found))[:2000]
    except msgspec.DecodeError:
        return prefix + detail[:500].decode("utf-8", "replace")


def _nonsense(what: str) -> WorkerFailed:
    return WorkerFailed(f"the worker sent {what}; nothing was charged", work_started=True)
