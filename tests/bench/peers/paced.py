"""Many streams at once, each at a pace: how much later a chunk comes through the gateway, and what a stream costs in memory."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

from tests.bench.peers.load import resident_mb
from tests.bench.peers.peers import Peer
from tests.bench.peers.upstream import PACED_MODEL

PACE_MS = 200
"""Each stream's.  2,000 of them are 10,000 chunks a second: what one core of Python can pass on, with room to spare."""
CHUNKS = 32
SENT = re.compile(rb"t(\d+)e")


class Paced(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from a chunk's sending to its arrival, and resident kilobytes per stream."""

    streams: int
    complete: int
    p50_ms: float
    p99_ms: float
    direct_p50_ms: float
    direct_p99_ms: float
    kilobytes: float

    @property
    def added_p99_ms(self) -> float:
        return self.p99_ms - self.direct_p99_ms


def measure(peer: Peer, direct_url: str, streams: int) -> Paced:
    direct = uvloop.run(_Crowd().run(direct_url, {}, streams))
    before = resident_mb(peer.pid)
    crowd = _Crowd(lambda: resident_mb(peer.pid))
    through = uvloop.run(crowd.run(peer.url(stream=True), peer.headers_for(stream=True), streams))
    return Paced(
        streams=streams,
        complete=crowd.complete,
        p50_ms=median(through),
        p99_ms=quantiles(through, n=100)[98],
        direct_p50_ms=median(direct),
        direct_p99_ms=quantiles(direct, n=100)[98],
        kilobytes=(crowd.seen - before) * 1024 / streams,
    )


class _Crowd:
    """Clients that read what comes and note how old it is."""

    def __init__(self, look: Callable[[], float] = lambda: 0.0) -> None:
        self._look = look
        self._wanted = 0
        self._all = asyncio.Event()
        self.delays_ms: list[float] = []
        self.complete = 0
        self.seen = 0.0
        """What `look` said when all streams were open."""

    async def run(self, url: str, headers: dict[str, str], streams: int) -> list[float]:
        self._wanted = streams
        parts, loop = urlsplit(url), asyncio.get_running_loop()
        request = _request(parts.netloc, parts.path, headers)
        open_: list[asyncio.BaseTransport] = []
        for i in range(streams):
            transport, _ = await loop.create_connection(
                lambda: _Client(self, request), parts.hostname or "", parts.port or 80
            )
            open_.append(transport)
            if i % 20 == 19:
                await asyncio.sleep(PACE_MS / 1000 * 20 / streams)  # so that they do not all speak at once
        await asyncio.sleep(PACE_MS * CHUNKS / 4000)
        self.seen = self._look()
        self.delays_ms = []  # what came while they were begun is another question
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all.wait(), 4 * PACE_MS * CHUNKS / 1000)
        for transport in open_:
            transport.close()
        await asyncio.sleep(0.1)
        return self.delays_ms

    def ended(self) -> None:
        self.complete += 1
        if self.complete == self._wanted:
            self._all.set()


class _Client(asyncio.Protocol):
    def __init__(self, crowd: _Crowd, request: bytes) -> None:
        self._crowd, self._request = crowd, request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._crowd.delays_ms.extend((now - int(sent)) / 1e6 for sent in SENT.findall(data))
        if b"[DONE]" in data:
            self._crowd.ended()


def _request(host: str, path: str, headers: dict[str, str]) -> bytes:
    asked = f"pace {PACE_MS} ms, {CHUNKS} chunks"
    body = json.dumps({"model": PACED_MODEL, "max_tokens": 256, "stream": True, "messages": [{"role": "user", "content": asked}]})  # fmt: skip
    lines = [f"POST {path} HTTP/1.1", f"host: {host}", "content-type: application/json", f"content-length: {len(body)}"]  # fmt: skip
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join([*lines, "", ""]) + body).encode()
