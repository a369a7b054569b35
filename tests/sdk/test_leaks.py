"""Ten thousand streams one after the other, every third left early, leave nothing behind: no socket, no memory, no task."""

import asyncio
import contextlib
import gc
import os
import socket
import threading
from collections.abc import Iterator

import psutil
import pytest
import tollway

from tests.sdk.shells import HELLO
from tests.sdk.test_stream import whole_stream

STREAMS = 10_000
WARM_UP = 500
OBJECTS_MAX = 500
"""Fewer than one in twenty streams: what pools and caches of the libraries come and go by."""
GROWTH_MAX = 8 * 2**20


def _chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req_1\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


ANSWER = _chunked(whole_stream())


@pytest.fixture
def url() -> Iterator[str]:
    """A server of one canned stream, on real sockets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(connection: socket.socket) -> None:
            with connection, contextlib.suppress(ConnectionError):  # every third is left
                while _read_request(connection):
                    connection.sendall(ANSWER)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # the test is over
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _read_request(connection: socket.socket) -> bool:
    """Head and body, however they are cut; False: there is none any more."""
    data = b""
    while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < _length(data):
        piece = connection.recv(65536)
        if not piece:
            return False
        data += piece
    return True


def _length(data: bytes) -> int:
    return int(data.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])


class Census:
    """What this process holds."""

    def __init__(self) -> None:
        gc.collect()
        process = psutil.Process(os.getpid())
        self.sockets = len([each for each in process.net_connections("tcp") if each.status == "ESTABLISHED"])
        self.objects = len(gc.get_objects())
        self.memory = process.memory_info().rss

    def check(self, before: "Census") -> None:
        assert self.sockets <= before.sockets + 2, (
            "the pool keeps one connection, of which both ends are here"
        )
        assert self.objects - before.objects < OBJECTS_MAX
        assert self.memory - before.memory < GROWTH_MAX


def test_blocking(url: str) -> None:
    def streams(client: tollway.Tollway, count: int) -> None:
        for i in range(count):
            with client.chat.stream(**HELLO) as stream:
                if i % 3 == 0:
                    next(stream)
                else:
                    assert stream.final().cost == tollway.Money(180)

    with tollway.Tollway("tw_k", url) as client:
        streams(client, WARM_UP)
        before = Census()
        streams(client, STREAMS)
        Census().check(before)


def test_asyncio(url: str) -> None:
    async def streams(client: tollway.AsyncTollway, count: int) -> None:
        for i in range(count):
            async with client.chat.stream(**HELLO) as stream:
                if i % 3 == 0:
                    await anext(stream)
                else:
                    assert (await stream.final()).cost == tollway.Money(180)

    async def run() -> None:
        async with tollway.AsyncTollway("tw_k", url) as client:
            await streams(client, WARM_UP)
            before, tasks = Census(), len(asyncio.all_tasks())
            await streams(client, STREAMS)
            Census().check(before)
            assert len(asyncio.all_tasks()) == tasks

    asyncio.run(run())
