"""The relay's HTTP/1.1 client: asyncio protocols (`connection.py`), kept and used again.

It does what relaying needs and no more: no redirects, no compression, no cookies, no proxies.
"""

import asyncio
import ssl
import time
from collections.abc import Coroutine, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import WorkerFailed, WorkerTimedOut
from gateway.workers.connection import Connection
from gateway.workers.http import BROKEN_OFF, broken, unreachable

KEPT_S = 4.0
"""How long an idle connection is used again.  vLLM's server closes one after five seconds: better not to meet it closing."""
KEPT_MAX = 512
"""Idle connections to one worker."""
TICK_S = 0.05
"""How late a deadline may be noticed."""
CLOSE_TURNS = 64
"""How many turns of its loop a stop waits for sockets to close; a plain one takes two."""

Origin = tuple[str, int, bool]


class WireAnswer:
    """An answer on its connection, which goes back when the body came whole."""

    def __init__(self, connection: Connection, client: "WireClient", origin: Origin) -> None:
        self._connection: Connection | None = connection
        self._client = client
        self._origin = origin
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers

    def read(self, within_s: float) -> Coroutine[Any, Any, bytes]:
        if self._connection is None:
            raise broken(BROKEN_OFF)
        return self._connection.read(within_s)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._client.take_back(connection, self._origin)


class WireClient:
    def __init__(self, *, connect_timeout_s: float) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._kept: dict[Origin, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self._alive: set[Connection] = set()
        """Every one whose transport is not closed yet."""
        self._ticking = self._closed = False

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, *, within_s: float
    ) -> WireAnswer:
        """Raises WorkerUnreachable, WorkerTimedOut, WorkerFailed."""
        origin, start = _head(method, url, tuple(headers.items()))
        payload = body or b""
        head = start + (b"\r\n" if body is None else b"content-length: %d\r\n\r\n" % len(payload))
        connection = self._usable(origin) or await self._connect(origin)
        try:
            await self._ask(connection, head, payload, within_s)
        except WorkerTimedOut:
            raise
        except WorkerFailed:
            if not connection.used or connection.heard:
                raise
            # It was closed for idleness in the moment in which it was used again: as if it had never been there.
            connection = await self._connect(origin)
            await self._ask(connection, head, payload, within_s)
        return WireAnswer(connection, self, origin)

    async def _ask(self, connection: Connection, head: bytes, payload: bytes, within_s: float) -> None:
        self._busy.add(connection)
        if not self._ticking:
            self._tick()
        try:
            connection.begin(head, payload)
            await connection.head_here(within_s)
        except BaseException:
            self._busy.discard(connection)
            connection.abort()
            raise

    def take_back(self, connection: Connection, origin: Origin) -> None:
        """After an answer: kept if it can be used again."""
        self._busy.discard(connection)
        kept = self._kept.setdefault(origin, [])
        if len(kept) >= KEPT_MAX:
            connection.abort()
        elif connection.release():
            connection.idle_since = time.monotonic()
            kept.append(connection)

    def _tick(self) -> None:
        now = time.monotonic()
        for connection in self._busy:
            connection.expire(now)
        self._ticking = bool(self._busy)
        if self._ticking:
            asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _usable(self, origin: Origin) -> Connection | None:
        """The one that was used last: those that are not needed grow old, and are closed."""
        kept, fresh = self._kept.get(origin), time.monotonic() - KEPT_S
        while kept:
            connection = kept.pop()
            if connection.open and connection.idle_since > fresh:
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin) -> Connection:
        if self._closed:
            raise unreachable()
        host, port, secure = origin
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._alive), host, port, ssl=_tls() if secure else None
                )
        except (OSError, TimeoutError) as error:
            raise unreachable() from error
        return connection

    async def close(self) -> None:
        """Cuts whatever is under way.  A transport is closed some turns of the loop after it was told so: waited for,
        because a loop that ends before leaves sockets open.
        """
        self._closed = True
        self._kept.clear()
        for connection in tuple(self._alive):
            connection.abort()
        for _ in range(CLOSE_TURNS):
            if self._alive:
                await asyncio.sleep(0)


@lru_cache(maxsize=4096)
def _head(method: str, url: str, headers: tuple[tuple[str, str], ...]) -> tuple[Origin, bytes]:
    """Where to connect, and a request's head without its length and its end."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers)]
    assert all("\r" not in line and "\n" not in line for line in lines), "a line would become two"
    return (parts.hostname or "", port, secure), "".join(f"{line}\r\n" for line in lines).encode("latin-1")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """The system's certificates; SSL_CERT_FILE and SSL_CERT_DIR name others."""
    return ssl.create_default_context()
