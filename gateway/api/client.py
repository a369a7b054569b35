"""The client of one request, on its socket: a body in, an answer or a stream out.

ASGI's messages are left out where an operation answers: a task to watch for a client that leaves, an event and two
dictionaries a request, and a packet of its own for the head.  All other routes answer through them, on the same object.
"""

import weakref
from collections.abc import Callable, Mapping
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.errors import BodyTooLarge, TollwayError
from gateway.replay.types import Stored

CLIENT = "tollway.client"
"""Where a request's scope has its client: a weak reference, since the client has the scope."""
JSON = b"content-type: application/json\r\n"
EVENTS = (
    b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
)
CHUNKED = b"transfer-encoding: chunked\r\n"


class ClientLeft(Exception):
    """The connection closed before the request was complete."""


def client_of(scope: Any, request_id: str) -> "Client":
    """Who asked this; what it is answered goes by that id."""
    client: Client = scope[CLIENT]()
    client.request_id = request_id
    return client


class Client(RequestResponseCycle):
    """`begun` says that a stream's head has left, so that its status can no longer change."""

    def __init__(self, **wiring: Any) -> None:
        super().__init__(**wiring)
        cast("dict[str, Any]", self.scope)[CLIENT] = weakref.ref(self)
        self.request_id = ""
        self.begun = False
        self.status = 0
        self._chunked = self.scope["http_version"] != "1.0"
        """HTTP/1.0 knows no chunks: there a stream ends with its connection."""
        self._told: Mapping[str, str] = {}
        self._waiting: list[bytes] = []
        self._head = b""
        self._then: Callable[[], None] | None = None

    # -- what it asks -------------------------------------------------------------------------------------

    def header(self, name: bytes) -> str:
        """The last of that name; empty: there is none."""
        found = b""
        for each, value in self.scope["headers"]:
            if each == name:
                found = value
        return found.decode("latin-1")

    async def read_body(self, bytes_max: int) -> bytes:
        """Raises BodyTooLarge, early when the client says so, else as soon as it is; and ClientLeft."""
        declared = self.header(b"content-length")
        if declared.isdigit() and int(declared) > bytes_max:
            raise _too_large(bytes_max)
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        while self.more_body and not self.disconnected and len(self.body) <= bytes_max:
            self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.more_body and self.disconnected:
            raise ClientLeft
        if len(self.body) > bytes_max:
            raise _too_large(bytes_max)
        self.flow.resume_reading()  # a long body paused it, and whoever does not read does not hear that the client left
        body, self.body = bytes(self.body), bytearray()
        return body

    def on_gone(self, then: Callable[[], None] | None) -> None:
        """Calls `then`, once, if the connection ends before the answer does; None: nobody."""
        self._then = then
        if self.disconnected:
            self.lost()

    def lost(self) -> None:
        """The connection ended."""
        self.disconnected = self.disconnected or not self.response_complete
        self.message_event.set()
        then, self._then = self._then, None
        if then is not None:
            then()

    # -- what it is answered ------------------------------------------------------------------------------

    def tell(self, headers: Mapping[str, str]) -> None:
        """Headers of whatever will be answered, a refusal too."""
        self._told = headers

    async def answer(self, headers: Mapping[str, str], body: bytes, status: int = 200) -> None:
        self._begin(status, JSON + b"content-length: %d\r\n" % len(body), headers)
        await self._write(self._head if self.scope["method"] == "HEAD" else self._head + body)
        self._end()

    async def refuse(self, error: TollwayError) -> None:
        await self.answer(error.headers(), error.body(self.request_id), error.status)

    def begin_stream(self, headers: Mapping[str, str]) -> None:
        """Its head leaves with the first piece."""
        self._begin(200, EVENTS + CHUNKED if self._chunked else EVENTS, headers)
        self.begun = True

    def write(self, piece: bytes) -> None:
        """Leaves with the next `flush`: what came together goes on together, in one packet."""
        self._waiting.append(piece)

    async def flush(self, *, more: bool = True) -> None:
        if self._waiting:
            body = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
            self._waiting.clear()
            framed = b"%x\r\n%b\r\n" % (len(body), body) if self._chunked else body
            chunk = self._head + framed
        elif more:
            return
        else:
            chunk = self._head
        self._head = b""
        await self._write(chunk if more or not self._chunked else chunk + b"0\r\n\r\n")

    async def end_stream(self) -> None:
        await self.flush(more=False)
        self._end()

    async def replay(self, stored: Stored) -> None:
        """The first answer again, under the first request's id: its receipt is there."""
        self.request_id = stored.request_id
        headers = {"idempotent-replayed": "true"}
        if not stored.streamed:
            await self.answer(headers, stored.body)
            return
        self.begin_stream(headers)
        self.write(stored.body)
        await self.end_stream()

    def _begin(self, status: int, own: bytes, headers: Mapping[str, str]) -> None:
        assert not self.response_started, "one answer to one request"
        self.response_started, self.status = True, status
        told = [f"{name}: {value}\r\n" for given in (self._told, headers) for name, value in given.items()]
        assert "".join(told).count("\n") == len(told), "a line would become two"
        self._head = b"%b%bx-request-id: %b\r\n%b%b%b\r\n" % (
            STATUS_LINE[status],
            own,
            self.request_id.encode(),
            "".join(told).encode("latin-1"),
            b"".join([b"%b: %b\r\n" % pair for pair in self.default_headers]),
            b"" if self.keep_alive else b"connection: close\r\n",
        )

    async def _write(self, data: bytes) -> None:
        """Waits while the client reads more slowly than this writes."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self.disconnected:
            self.transport.write(data)

    def _end(self) -> None:
        self.response_complete, self._then = True, None
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def _too_large(bytes_max: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body exceeds {bytes_max} bytes; send smaller images, or fewer of them")
