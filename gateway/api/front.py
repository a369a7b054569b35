"""The application, with a short way through it for what is asked thousands of times a second.

A POST to one of the operations' own paths needs none of what a framework does for a route: it gets an id, it is
authenticated and served.  Everything else goes through Litestar's routes and middleware; what is answered is the same.
"""

from collections.abc import Mapping
from typing import Any

from litestar import Litestar

from gateway.api.client import client_of
from gateway.api.completions import Serve
from gateway.api.edge import caller_of, unexpected
from gateway.errors import TollwayError
from gateway.keys.find import KeyFinder
from gateway.kit.ids import new_id


class Front(Litestar):
    """`served`: who answers a POST to which path."""

    def __init__(self, keys: KeyFinder, served: Mapping[str, Serve], **wiring: Any) -> None:
        super().__init__(**wiring)
        self._keys = keys
        self._served = served

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        serve = self._served.get(scope.get("path", ""))
        if serve is None or scope.get("method") != "POST" or scope["query_string"]:
            await super().__call__(scope, receive, send)
        else:
            await self._serve(serve, scope)

    async def _serve(self, serve: Serve, scope: Any) -> None:
        request_id = new_id("req")
        client = client_of(scope, request_id)
        scope["path_template"] = scope["path"]
        try:
            await serve(client, scope, await caller_of(self._keys, scope))
        except TollwayError as error:
            await client.refuse(error)
        except Exception as error:
            if client.status:  # its head has left: all that can be done is to cut it
                raise
            await client.refuse(unexpected(request_id, scope["path"], error))
