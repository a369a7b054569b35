"""One connection of the relay's client: what asyncio says of the socket, what httptools reads of it, what a request waits for.

A body is handed on as it comes; when nobody takes it, the worker's socket is not read, so a slow client costs bounded memory.
A deadline is a number, looked at now and then (`wire.py`): a timer for each wait costs more than the wait is long.
"""

import asyncio
import time

import httptools

from gateway.workers.http import BROKEN_BEFORE, BROKEN_OFF, broken, silent

HEAD_BYTES_MAX = 64 * 2**10
BUFFER_BYTES_HIGH = 256 * 2**10
"""Beyond it the socket is not read until what waits was taken."""
ONE_PIECE_BYTES_MAX = 64 * 2**10
"""A body up to this size is copied behind its head; a larger one is written after it."""


class _Late(Exception):
    """A deadline passed."""


class Connection(asyncio.Protocol):
    """One connection, and of the request that has it: the head, and what came of the body and nobody took yet."""

    def __init__(self, alive: "set[Connection]") -> None:
        """It is in `alive` as long as it has a transport that is not closed."""
        self._alive = alive
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self.idle_since = 0.0
        self.used = False
        """Whether it served a request before."""
        self.open = False
        self._expect_nothing()

    def _expect_nothing(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._head_bytes = 0
        self._pieces: list[bytes] = []
        self._waiting_bytes = 0
        self._paused = False
        self.head = self.complete = self.heard = self.reusable = self._asked = False
        self._ends_with_connection = False

    # -- asyncio's side -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        self._alive.add(self)
        self.open = True

    def data_received(self, data: bytes) -> None:
        if not self._asked:  # an answer to nothing (a 408 for idleness) must not become the next request's
            self.abort()
            return
        self.heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()
        self._wake()

    def eof_received(self) -> None:
        self._lost()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._lost()
        self._alive.discard(self)

    def _lost(self) -> None:
        self.open = self.reusable = False
        if self.head and self._ends_with_connection:
            self.complete = True
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # -- the parser's side --------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("a second answer to one request")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES_MAX:
            raise ValueError("more headers than any server has reason to send")
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:  # 100 Continue, 103 Early Hints: the answer comes after them
            self.headers.clear()
            return
        self.head = True
        self._ends_with_connection = (
            "content-length" not in self.headers and "transfer-encoding" not in self.headers
        )

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._waiting_bytes += len(body)
        if self._waiting_bytes > BUFFER_BYTES_HIGH and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self.head:
            self.complete = True
            self.reusable = self._parser.should_keep_alive()

    # -- the request's side -------------------------------------------------------------------------------

    def begin(self, head: bytes, body: bytes) -> None:
        """Sends a request; nothing of one before is left."""
        assert self._transport is not None, "it was connected before it is used"
        self._asked = True
        if len(body) <= ONE_PIECE_BYTES_MAX:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    async def head_here(self, within_s: float) -> None:
        """Raises WorkerFailed: it broke before that; WorkerTimedOut."""
        while not self.head:
            if not self.open:
                raise broken(BROKEN_BEFORE)
            await self._something(within_s)

    async def read(self, within_s: float) -> bytes:
        """What is here, or else the next piece; empty at the end.  Raises WorkerFailed: it was cut; WorkerTimedOut."""
        while not self._pieces:
            if self.complete:
                return b""
            if not self.open:
                raise broken(BROKEN_OFF)
            await self._something(within_s)
        here = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._waiting_bytes = 0
        if self._paused and self._transport is not None:
            self._paused = False
            if self.open:
                self._transport.resume_reading()
        return here

    async def _something(self, within_s: float) -> None:
        self._deadline = time.monotonic() + within_s
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        except _Late:
            raise silent(within_s) from None
        finally:
            self._waiter = None

    def expire(self, now: float) -> None:
        """Ends a wait that has taken too long."""
        if self._waiter is not None and now > self._deadline and not self._waiter.done():
            self._waiter.set_exception(_Late())

    def release(self) -> bool:
        """Whether it can serve another request; if not, it is closed."""
        if not (self.complete and self.reusable and self.open):
            self.abort()
            return False
        if self._paused and self._transport is not None:
            self._transport.resume_reading()
        self._expect_nothing()
        self.used = True
        return True

    def abort(self) -> None:
        self.open = False
        if self._transport is not None:
            self._transport.abort()
