"""`client.chat.stream`'s two shells: they read the connection, feed `Assembly`, and let go of the connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from tollway._budget import Hold
from tollway._core.assembly import Assembly
from tollway._core.request import Call
from tollway._errors import APITimeoutError, StreamInterrupted
from tollway._shells.transport import AsyncLink, Link
from tollway._types.chat import ChatCompletion, StreamEvent, TextDelta

if TYPE_CHECKING:
    from tollway._shells.http import Response

Make = Callable[[Any], Call[ChatCompletion]]


class ChatStream(Iterator[StreamEvent]):
    """An answer as it comes: an iterator of its events.  Use it in `with`: leaving early then stops the worker, and
    what was delivered is charged.

    Iterating raises:
        APIStatusError: the gateway said so inside the stream.
        APITimeoutError: no byte came for `timeout_s` seconds.
        StreamInterrupted: it ended before its answer was complete.

    Example:
        with client.chat.stream(model=m, messages="Hello") as stream:
            for event in stream:
                if isinstance(event, tollway.TextDelta):
                    print(event.text, end="")
    """

    def __init__(self, link: Link, response: Response, hold: Hold | None) -> None:
        self._link = link
        self._response = response
        self._hold = hold
        self._assembly = Assembly(link.http.request_id(response))
        self._events = self._iterate()

    @classmethod
    def _begin(cls, link: Link, fields: Mapping[str, Any], make: Make) -> ChatStream:
        """Sends the request.  Raises what `Chat.complete` does."""
        hold = link.hold(fields)
        if hold is None:
            return cls(link, link.open(make(fields)), None)
        with hold:
            return cls(link, link.open(make(hold.bounded(fields))), hold)

    @property
    def request_id(self) -> str:
        """Names the receipt, also of a stream that was left early."""
        return self._assembly.request_id

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> ChatStream:
        return self

    def __next__(self) -> StreamEvent:
        return next(self._events)

    def _iterate(self) -> Iterator[StreamEvent]:
        try:
            for chunk in self._link.http.chunks(self._response):
                yield from self._assembly.feed(chunk)
        except (APITimeoutError, StreamInterrupted):
            if not self._assembly.done:  # after [DONE] the answer is whole, however the connection ends
                raise
        finally:
            self.close()
        self._assembly.final()

    def text_deltas(self) -> Iterator[str]:
        """Only the answer's text, piece by piece; raises what iterating raises.

        Example: `for text in stream.text_deltas(): print(text, end="")`
        """
        return (event.text for event in self if isinstance(event, TextDelta))

    def final(self) -> ChatCompletion:
        """Reads what is left and returns the whole answer with its cost; raises what iterating raises.

        Example: `print(stream.final().cost)`
        """
        for _ in self:
            pass
        return self._assembly.final()

    def close(self) -> None:
        """Ends the stream here.  Does nothing to one that has ended.

        Example: `stream.close()`
        """
        self._response.close()
        _settle(self._hold, self._assembly)


class AsyncChatStream(AsyncIterator[StreamEvent]):
    """`ChatStream` for asyncio.  The request is sent by `async with`, by `await`, or by the first event asked for;
    what the gateway refuses is raised there.

    Example:
        async with client.chat.stream(model=m, messages="Hello") as stream:
            async for text in stream.text_deltas():
                print(text, end="")
    """

    def __init__(self, link: AsyncLink, fields: Mapping[str, Any], make: Make) -> None:
        self._link = link
        self._fields, self._make = fields, make
        self._response: Response | None = None
        self._hold: Hold | None = None
        self._assembly = Assembly("")
        self._events = self._iterate()

    @property
    def request_id(self) -> str:
        """Names the receipt, also of a stream that was left early; empty until the request was sent."""
        return self._assembly.request_id

    def __await__(self) -> Generator[object, None, AsyncChatStream]:
        return self._started().__await__()

    async def __aenter__(self) -> AsyncChatStream:
        return await self._started()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncChatStream:
        return self

    async def __anext__(self) -> StreamEvent:
        return await self._events.__anext__()

    async def _started(self) -> AsyncChatStream:
        await self._answer()
        return self

    async def _answer(self) -> Response:
        if self._response is None:
            hold = await self._link.hold(self._fields)
            if hold is None:
                self._response = await self._link.open(self._make(self._fields))
            else:
                with hold:
                    self._response = await self._link.open(self._make(hold.bounded(self._fields)))
                self._hold = hold
            self._assembly.request_id = self._link.http.request_id(self._response)
        return self._response

    async def _iterate(self) -> AsyncGenerator[StreamEvent, None]:
        response = await self._answer()
        try:
            async with aclosing(self._link.http.async_chunks(response)) as chunks:
                async for chunk in chunks:
                    for event in self._assembly.feed(chunk):
                        yield event
        except (APITimeoutError, StreamInterrupted):
            if not self._assembly.done:  # see ChatStream
                raise
        finally:
            await self._let_go()
        self._assembly.final()

    async def text_deltas(self) -> AsyncIterator[str]:
        """`ChatStream.text_deltas`: `async for text in stream.text_deltas(): print(text, end="")`."""
        async for event in self:
            if isinstance(event, TextDelta):
                yield event.text

    async def final(self) -> ChatCompletion:
        """`ChatStream.final`, as a coroutine: `await stream.final()`."""
        async for _ in self:
            pass
        return self._assembly.final()

    async def close(self) -> None:
        """`ChatStream.close`, as a coroutine: `await stream.close()`.  Does nothing to one that was never sent."""
        await self._events.aclose()
        await self._let_go()

    async def _let_go(self) -> None:
        if self._response is not None:
            await self._response.aclose()
            _settle(self._hold, self._assembly)


def _settle(hold: Hold | None, assembly: Assembly) -> None:
    """What the stream's own bill says; without one, its receipt will."""
    if hold is not None:
        hold.settle(assembly.usage.cost_nanousd, assembly.request_id)
