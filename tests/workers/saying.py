"""A server that says to each request what a test wants said, byte by byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from gateway.workers.wire import WireClient

Says = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Reads requests, and lets `says` answer each on its connection."""

    def __init__(self, says: Says) -> None:
        self._says = says
        self.requests: list[bytes] = []
        self.connections = 0
        self.cut = asyncio.Event()
        """Set when a client closed its connection."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((line[15:] for line in head.split(b"\r\n") if line.startswith(b"content-length:")), b"0")  # fmt: skip
                self.requests.append(head + await reader.readexactly(int(length)))
                await self._says(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.cut.set()
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    says: Says, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Server, str, WireClient]]:
    server, client = Server(says), WireClient(connect_timeout_s=1)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield server, f"{'https' if tls else 'http'}://127.0.0.1:{port}/v1/x?y=1", client
    finally:
        await client.close()
        listening.close()


def saying(*pieces: bytes, then_close: bool = False, pause_s: float = 0) -> Says:
    async def says(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if then_close:
            writer.close()

    return says


LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nX-Two: a\r\nx-two: b\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"
EARLY = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
