"""Streams: bytes to typed events, and the whole answer at the end.  `Assembly` is pure; the two streams drive it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec

from . import _core, _transport
from ._errors import StreamInterrupted
from ._types import (
    ChatCompletion,
    Choice,
    Finished,
    ReasoningDelta,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    Usage,
)

Event = TextDelta | ReasoningDelta | ToolCallDelta | Finished | Usage


class SSE:
    """Payloads of `data:` lines, wherever the bytes are cut; comments and other fields are dropped."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        out = []
        for raw in lines:
            line = raw.rstrip(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                out.append(b"\n".join(self._data))
                self._data = []
        return out


class Assembly:
    """Collects a stream: `feed` gives its events, `final` the answer they add up to."""

    def __init__(self, request_id: str) -> None:
        self._sse = SSE()
        self._request_id = request_id
        self._id = self._model = ""
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, list[str]] = {}
        self._finish_reason: str | None = None
        self._usage = TokenUsage()
        self.done = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Raises an APIStatusError that the gateway put into the stream."""
        events: list[Event] = []
        for payload in self._sse.feed(chunk):
            if payload == b"[DONE]":
                self.done = True
            else:
                events += self._read(payload)
        return events

    def _read(self, payload: bytes) -> list[Event]:
        body = msgspec.json.decode(payload, type=_core.Body)
        if body.error is not None:
            raise _core.stream_error(body.error, self._request_id)
        self._id, self._model = body.id or self._id, body.model or self._model
        events: list[Event] = []
        for choice in body.choices:
            if choice.delta is not None:
                events += self._add(choice.delta)
            if choice.finish_reason is not None:
                self._finish_reason = choice.finish_reason
                events.append(Finished(choice.finish_reason))
        if body.usage is not None:
            self._usage = _core.token_usage(body.usage)
            events.append(Usage(self._usage))
        return events

    def _add(self, delta: _core.Said) -> list[Event]:
        events: list[Event] = []
        if delta.thinking:
            self._reasoning.append(delta.thinking)
            events.append(ReasoningDelta(delta.thinking))
        if delta.text:
            self._text.append(delta.text)
            events.append(TextDelta(delta.text))
        for call in delta.tool_calls or ():
            id_, name, arguments = call.id, call.function.name, call.function.arguments or ""
            whole = self._calls.setdefault(call.index, ["", "", ""])
            whole[0], whole[1], whole[2] = id_ or whole[0], name or whole[1], whole[2] + arguments
            events.append(ToolCallDelta(call.index, id_, name, arguments))
        return events

    def final(self) -> ChatCompletion:
        """Raises StreamInterrupted."""
        if self._finish_reason is None:
            raise StreamInterrupted(f"the stream of {self._request_id} ended before its answer was complete")
        calls = tuple(ToolCall(*parts) for _, parts in sorted(self._calls.items()))
        choice = Choice("".join(self._text), "".join(self._reasoning), calls, self._finish_reason)
        return ChatCompletion(self._id, self._model, (choice,), self._usage, self._request_id)


class ChatStream:
    """An answer as it comes: iterate over its events, inside `with`, which stops the worker when left early.

    Example:
        with client.chat.stream(model=m, messages=[…]) as stream:
            for event in stream: …
    """

    def __init__(self, response: _transport.Response) -> None:
        self._response = response
        self.request_id = _transport.request_id(response)
        self._assembly = Assembly(self.request_id)
        self._events = self._iterate()

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def _iterate(self) -> Iterator[Event]:
        try:
            for chunk in self._response.iter_bytes():
                yield from self._assembly.feed(chunk)
        except _transport.StreamFailed as error:
            raise _transport.translate(error) from error
        self._assembly.final()

    def text_deltas(self) -> Iterator[str]:
        """Only the answer's text, piece by piece."""
        return (event.text for event in self if isinstance(event, TextDelta))

    def final(self) -> ChatCompletion:
        """Reads what is left and returns the whole answer with its cost.

        Raises:
            StreamInterrupted: it ended early; the gateway charges nothing for that.
            APIStatusError: the gateway said so inside the stream.
        """
        for _ in self:
            pass
        return self._assembly.final()

    def close(self) -> None:
        """Leaving early stops the worker; what was delivered is charged."""
        self._response.close()


class AsyncChatStream:
    """`ChatStream` for asyncio."""

    def __init__(self, response: _transport.Response) -> None:
        self._response = response
        self.request_id = _transport.request_id(response)
        self._assembly = Assembly(self.request_id)
        self._events = self._iterate()

    async def __aenter__(self) -> AsyncChatStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    async def _iterate(self) -> AsyncIterator[Event]:
        try:
            async for chunk in self._response.aiter_bytes():
                for event in self._assembly.feed(chunk):
                    yield event
        except _transport.StreamFailed as error:
            raise _transport.translate(error) from error
        self._assembly.final()

    async def text_deltas(self) -> AsyncIterator[str]:
        """Only the answer's text, piece by piece."""
        async for event in self:
            if isinstance(event, TextDelta):
                yield event.text

    async def final(self) -> ChatCompletion:
        """Reads what is left and returns the whole answer with its cost; raises like `ChatStream.final`."""
        async for _ in self:
            pass
        return self._assembly.final()

    async def close(self) -> None:
        """Leaving early stops the worker; what was delivered is charged."""
        await self._response.aclose()
