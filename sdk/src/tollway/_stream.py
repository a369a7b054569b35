"""`client.chat.stream`'s two shells: they read the connection, feed `Assembly`, and let go of the connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator

from . import _transport
from ._assembly import Assembly
from ._errors import APITimeoutError, StreamInterrupted
from ._types import ChatCompletion, StreamEvent, TextDelta


class ChatStream(Iterator[StreamEvent]):
    """An answer as it comes: an iterator of its events.  Use it in `with`: leaving early then stops the worker, and
    what was delivered is charged.

    Iterating raises:
        APIStatusError: the gateway said so inside the stream.
        APITimeoutError: no byte came for `timeout_s` seconds.
        StreamInterrupted: it ended before its answer was complete.

    Example:
        with client.chat.stream(model=m, messages=[…]) as stream:
            for event in stream:
                if isinstance(event, tollway.TextDelta):
                    print(event.text, end="")
    """

    def __init__(self, response: _transport.Response) -> None:
        self._response = response
        self._assembly = Assembly(_transport.request_id(response))
        self._events = self._iterate()

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
            for chunk in _transport.chunks(self._response):
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
        """Ends the stream here.  Does nothing to one that has ended."""
        self._response.close()


class AsyncChatStream(AsyncIterator[StreamEvent]):
    """`ChatStream` for asyncio.  The request is sent by `async with`, by `await`, or by the first event asked for;
    what the gateway refuses is raised there.

    Example:
        async with client.chat.stream(model=m, messages=[…]) as stream:
            async for text in stream.text_deltas():
                print(text, end="")
    """

    def __init__(self, send: Callable[[], Awaitable[_transport.Response]]) -> None:
        self._send = send
        self._response: _transport.Response | None = None
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

    async def _answer(self) -> _transport.Response:
        if self._response is None:
            self._response = await self._send()
            self._assembly.request_id = _transport.request_id(self._response)
        return self._response

    async def _iterate(self) -> AsyncIterator[StreamEvent]:
        try:
            async for chunk in _transport.async_chunks(await self._answer()):
                for event in self._assembly.feed(chunk):
                    yield event
        except (APITimeoutError, StreamInterrupted):
            if self._response is None or not self._assembly.done:  # see ChatStream
                raise
        finally:
            await self.close()
        self._assembly.final()

    async def text_deltas(self) -> AsyncIterator[str]:
        """Only the answer's text, piece by piece; raises what iterating raises."""
        async for event in self:
            if isinstance(event, TextDelta):
                yield event.text

    async def final(self) -> ChatCompletion:
        """Reads what is left and returns the whole answer with its cost; raises what iterating raises."""
        async for _ in self:
            pass
        return self._assembly.final()

    async def close(self) -> None:
        """Ends the stream here.  Does nothing to one that has ended, or was never sent."""
        if self._response is not None:
            await self._response.aclose()
