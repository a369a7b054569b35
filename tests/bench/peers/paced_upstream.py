"""An upstream that streams at a pace, each chunk with the instant at which it was sent.  Its own process: `python -m … PORT`."""

import asyncio
import re
import sys
import time
from typing import cast

import uvloop

from tests.bench.peers.upstream import CHUNKS, PACED_MODEL, chunk

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
MODELS = b'{"object":"list","data":[{"id":"%s","object":"model","owned_by":"vllm"}]}' % PACED_MODEL.encode()
BEFORE, _, AFTER = chunk({"content": "INSTANT"}, model=PACED_MODEL).encode().partition(b"INSTANT")
ASKED = re.compile(rb"pace (\d+) ms, (\d+) chunks")
"""In the prompt: how it wants to be answered."""


class Paced(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is none of asyncio's
        self._got = b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head.lower())
        if not end or (length and len(body) < int(length[1])):
            return
        self._got = b""
        if head.startswith(b"GET"):
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(MODELS), MODELS))
            return
        asked = ASKED.search(body)
        if asked is None:  # a probe: understood, and refused
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            return
        self._transport.write(HEAD)
        self._next(int(asked[1]) / 1000, int(asked[2]), asyncio.get_running_loop().time())

    def _next(self, pace_s: float, left: int, due: float) -> None:
        if self._transport.is_closing():
            return
        if left == 0:
            usage = {"prompt_tokens": 24, "completion_tokens": CHUNKS, "total_tokens": 24 + CHUNKS}
            last = chunk({"content": "."}, "stop", usage, model=PACED_MODEL) + "data: [DONE]\n\n"
            self._transport.write(_framed(last.encode()) + b"0\r\n\r\n")
            return
        self._transport.write(_framed(BEFORE + b"t%de" % time.monotonic_ns() + AFTER))
        loop = asyncio.get_running_loop()
        loop.call_at(due + pace_s, self._next, pace_s, left - 1, due + pace_s)


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Paced, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
