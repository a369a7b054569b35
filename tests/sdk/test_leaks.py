"""Ten thousand streams one after the other, every third left early, leave nothing behind: no socket, no memory, no task."""

import asyncio
import contextlib
import gc
import os
import queue
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import psutil
import pytest
import tollway

from tests.sdk.shells import HELLO
from tests.sdk.test_stream import whole_stream

ROUNDS = 4
STREAMS = 2_500
"""Of each round. What leaks grows in every round; what other tests of this process left behind, and pools and caches, in some."""
WARM_UP = 500
OBJECTS_MAX = 125
"""Of the round that grew least: one in twenty streams."""
GROWTH_MAX = 2 * 2**20


def _chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req_1\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


ANSWER = _chunked(whole_stream())


@pytest.fixture
def url() -> Iterator[str]:
    """A server of one canned stream, on real sockets: in one thread, because coverage keeps something of every thread."""
    found: queue.Queue[tuple[str, Callable[[], object]]] = queue.Queue()

    async def serve() -> None:
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        found.put((f"http://127.0.0.1:{port}", lambda: loop.call_soon_threadsafe(ended.set)))
        await ended.wait()
        server.close()

    serving = threading.Thread(target=asyncio.run, args=(serve(),))
    serving.start()
    address, end = found.get()
    yield address
    end()
    serving.join()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Whole requests, however they are cut, until the connection closes; every third closes amid the answer."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            writer.write(ANSWER)
            await writer.drain()


class Census:
    """What this process holds."""

    def __init__(self) -> None:
        gc.collect()
        process = psutil.Process(os.getpid())
        self.sockets = len([each for each in process.net_connections("tcp") if each.status == "ESTABLISHED"])
        self.objects = len(gc.get_objects())
        self.memory = process.memory_info().rss


def check(held: list[Census]) -> None:
    """That what was held after each round shows no leak."""
    assert held[-1].sockets <= held[0].sockets + 2, (
        "the pool keeps one connection, of which both ends are here"
    )
    assert min(after.objects - before.objects for before, after in pairwise(held)) < OBJECTS_MAX
    assert min(after.memory - before.memory for before, after in pairwise(held)) < GROWTH_MAX


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
        held = [Census()]
        for _ in range(ROUNDS):
            streams(client, STREAMS)
            held.append(Census())
        check(held)


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
            held, tasks = [Census()], len(asyncio.all_tasks())
            for _ in range(ROUNDS):
                await streams(client, STREAMS)
                held.append(Census())
            check(held)
            assert len(asyncio.all_tasks()) == tasks

    asyncio.run(run())
