"""A gateway played by a function, and both of the SDK's shells in front of it, so that one case tests the two."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import tollway

Handler = Callable[[httpx.Request], httpx.Response]
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives in pieces, may break, and knows whether it was let go."""

    def __init__(self, *pieces: bytes, broken: Exception | None = None) -> None:
        self.pieces = pieces
        self.broken = broken
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.broken is not None:
            raise self.broken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


class Shell:
    """What a test asks of a client, whichever it is."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def ask(self, handler: Handler, act: Callable[[Any], Any], **options: Any) -> Any:
        """`act` on a client whose gateway is `handler`; what it returns is awaited if it must be."""
        transport = httpx.MockTransport(handler)
        if self.kind == "sync":
            with httpx.Client(transport=transport) as http:
                return act(tollway.Tollway("tw_k", "http://gw/v1/", http_client=http, **options))

        async def run() -> Any:
            async with httpx.AsyncClient(transport=transport) as http:
                acted = act(tollway.AsyncTollway("tw_k", "http://gw/v1/", http_client=http, **options))
                return await acted if inspect.isawaitable(acted) else acted

        return asyncio.run(run())

    def complete(self, handler: Handler, *, max_retries: int = 2, **fields: Any) -> tollway.ChatCompletion:
        return self.ask(
            handler, lambda client: client.chat.complete(**HELLO, **fields), max_retries=max_retries
        )  # type: ignore[no-any-return]

    def final(self, handler: Handler) -> tollway.ChatCompletion:
        """A stream read to its end by `final` alone."""
        return self.ask(handler, lambda client: client.chat.stream(**HELLO).final())  # type: ignore[no-any-return]

    def read(
        self, handler: Handler, events_max: int | None = None
    ) -> tuple[list[tollway.StreamEvent], Exception | None]:
        """A stream's events in `with`, at most so many, and how it ended."""

        def sync(client: tollway.Tollway) -> tuple[list[tollway.StreamEvent], Exception | None]:
            seen: list[tollway.StreamEvent] = []
            try:
                with client.chat.stream(**HELLO) as stream:
                    while len(seen) != events_max:
                        seen.append(next(stream))
            except StopIteration:
                return seen, None
            except tollway.TollwayError as error:
                return seen, error
            return seen, None

        async def coroutine(
            client: tollway.AsyncTollway,
        ) -> tuple[list[tollway.StreamEvent], Exception | None]:
            seen: list[tollway.StreamEvent] = []
            try:
                async with client.chat.stream(**HELLO) as stream:
                    while len(seen) != events_max:
                        seen.append(await anext(stream))
            except StopAsyncIteration:
                return seen, None
            except tollway.TollwayError as error:
                return seen, error
            return seen, None

        return self.ask(handler, sync if self.kind == "sync" else coroutine)  # type: ignore[no-any-return]
