"""The client of one request as an ASGI server hands it over: its body in, an answer or a stream out."""

from collections.abc import Callable, Mapping

from litestar.types import Receive, Scope, Send

from gateway.errors import BodyTooLarge, TollwayError
from gateway.replay.types import Stored

JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"


class ClientLeft(Exception):
    """The connection closed before the request was complete."""


class AsgiClient:
    """`begun` says that a stream's head has left, so that its status can no longer change."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._headers = {name: value for name, value in scope["headers"]}  # noqa: C416 - bytes to bytes, last wins
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self.begun = False
        self.status = 0
        self._told: Mapping[str, str] = {}
        self._waiting: list[bytes] = []

    def tell(self, headers: Mapping[str, str]) -> None:
        """Headers of whatever will be answered, a refusal too."""
        self._told = headers

    def header(self, name: str) -> str:
        return self._headers.get(name.encode(), b"").decode("latin-1")

    async def read_body(self, bytes_max: int) -> bytes:
        """Raises BodyTooLarge, early when the client says so, else as soon as it is; and ClientLeft."""
        declared = self.header("content-length")
        if declared.isdigit() and int(declared) > bytes_max:
            raise _too_large(bytes_max)
        parts, size = [], 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            assert message["type"] == "http.request", "before its body ends a request has no other messages"
            parts.append(message["body"])
            size += len(parts[-1])
            if size > bytes_max:
                raise _too_large(bytes_max)
            if not message["more_body"]:
                return b"".join(parts)

    async def when_gone(self, then: Callable[[], None]) -> None:
        """Watches a connection whose body was read: all that may still come is its end."""
        message = await self._receive()
        assert message["type"] == "http.disconnect", "the body was read to its end"
        then()

    async def answer(self, headers: Mapping[str, str], body: bytes, status: int = 200) -> None:
        length = (b"content-length", str(len(body)).encode())
        await self._start(status, [(b"content-type", JSON), length], headers)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def refuse(self, error: TollwayError) -> None:
        await self.answer(error.headers(), error.body(self._request_id), error.status)

    async def begin_stream(self, headers: Mapping[str, str]) -> None:
        unbuffered = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
        await self._start(200, [(b"content-type", EVENTS), *unbuffered], headers)
        self.begun = True

    def write(self, piece: bytes) -> None:
        """Leaves with the next `flush`: what came together goes on together, in one packet."""
        self._waiting.append(piece)

    async def flush(self, *, more: bool = True) -> None:
        if self._waiting or not more:
            body = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
            self._waiting.clear()
            await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def end_stream(self) -> None:
        await self.flush(more=False)

    async def replay(self, stored: Stored) -> None:
        """The first answer again, under the first request's id: its receipt is there."""
        self._request_id = stored.request_id
        headers = {"idempotent-replayed": "true"}
        if not stored.streamed:
            await self.answer(headers, stored.body)
            return
        await self.begin_stream(headers)
        self.write(stored.body)
        await self.end_stream()

    async def _start(self, status: int, own: list[tuple[bytes, bytes]], headers: Mapping[str, str]) -> None:
        self.status = status
        own.append((b"x-request-id", self._request_id.encode()))
        for told in (self._told, headers):
            own.extend((name.encode(), value.encode()) for name, value in told.items())
        await self._send({"type": "http.response.start", "status": status, "headers": own})


def _too_large(bytes_max: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body exceeds {bytes_max} bytes; send smaller images, or fewer of them")
