"""One connection of a client: uvicorn's protocol, whose requests are `Client`s."""

import asyncio
from functools import lru_cache
from typing import cast
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.api.client import Client


class Connection(HttpToolsProtocol):
    _answered: Client | None = None
    """Whose turn it is: those behind it on this connection have not begun."""

    def on_headers_complete(self) -> None:
        """Begins to answer, or lines the request up behind the one before it on this connection."""
        version = self.parser.get_http_version()
        scope, before = self.scope, self.cycle
        scope["method"], scope["http_version"] = self.parser.get_method().decode("ascii"), version
        scope["path"], scope["raw_path"], scope["query_string"] = _parts(self.url)
        self.cycle = Client(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cast("Client", cycle)
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._answered is not None:
            self._answered.lost()


@lru_cache(maxsize=1024)
def _parts(url: bytes) -> tuple[str, bytes, bytes]:
    """Path, path as it was written, query."""
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    return unquote(path) if "%" in path else path, parsed.path, parsed.query or b""
