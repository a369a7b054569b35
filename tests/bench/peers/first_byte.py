"""When the first byte of a stream arrives: one connection, one request after the other, gateway and upstream in turn."""

import asyncio
import time
from statistics import median, quantiles
from urllib.parse import urlsplit

import msgspec

from tests.bench.peers.peers import Peer
from tests.bench.peers.upstream import body

LONG_S = 2.0
TIMES_MIN = 60
"""Whoever takes longer than that for all is timed so often."""


class FirstByte(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway adds, in microseconds."""

    p50_us: float
    p99_us: float


def measure(peer: Peer, direct_url: str, times: int) -> FirstByte:
    return asyncio.run(_measure(peer, direct_url, times))


async def _measure(peer: Peer, direct_url: str, times: int) -> FirstByte:
    through = await _Asker.connect(peer.url(stream=True), peer.headers_for(stream=True))
    direct = await _Asker.connect(direct_url, {})
    found: dict[str, list[float]] = {"through": [], "direct": []}
    until = time.monotonic() + LONG_S
    for done in range(times):
        if done >= TIMES_MIN and time.monotonic() > until:
            break
        found["through"].append(await through.ask())
        found["direct"].append(await direct.ask())
    through.close()
    direct.close()
    base = median(found["direct"])
    return FirstByte(
        p50_us=(median(found["through"]) - base) * 1e6,
        p99_us=(quantiles(found["through"], n=100)[98] - base) * 1e6,
    )


class _Asker:
    """A client that does as little as can be, so that it is not what is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        self._reader, self._writer, self._request = reader, writer, request

    @classmethod
    async def connect(cls, url: str, headers: dict[str, str]) -> "_Asker":
        parts, payload = urlsplit(url), body(stream=True)
        assert parts.hostname and parts.port
        lines = [f"POST {parts.path} HTTP/1.1", f"host: {parts.netloc}", "content-type: application/json", f"content-length: {len(payload)}"]  # fmt: skip
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join([*lines, "", ""]).encode() + payload
        return cls(*await asyncio.open_connection(parts.hostname, parts.port), request)

    async def ask(self) -> float:
        """Seconds until the first event; the rest is read to its end."""
        self._writer.write(self._request)
        begun = time.perf_counter()
        got = await self._reader.readuntil(b"data:")
        took = time.perf_counter() - begun
        assert b" 200 " in got.split(b"\r\n", 1)[0], got
        await self._reader.readuntil(b"[DONE]\n\n")
        if b"chunked" in got.lower():
            await self._reader.readuntil(b"0\r\n\r\n")
        return took

    def close(self) -> None:
        self._writer.close()
