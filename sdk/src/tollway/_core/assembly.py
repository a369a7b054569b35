"""A stream's bytes to typed events, and the whole answer they add up to.  Pure; `_stream` feeds it.

A stream is whole when it has said why it finished *and* `[DONE]`.  The bill comes between the two, so to believe a
finish reason alone would turn a lost bill into a free answer; anything less is `StreamInterrupted`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from tollway._core import refusals, wire
from tollway._errors import StreamInterrupted
from tollway._types.chat import (
    ChatCompletion,
    Choice,
    Finished,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    Usage,
)

_LINE_END = re.compile(rb"\r\n|\n|\r")


class SSE:
    """Payloads of server-sent events, wherever the bytes are cut; comments and fields other than data are dropped.

    It works on bytes, so a cut inside a UTF-8 character needs no care: no part of one looks like a line end.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        if self._after_cr and chunk.startswith(b"\n"):
            chunk, self._after_cr = chunk[1:], False  # the second half of a CRLF that was cut in two
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        first, *rest = _LINE_END.split(chunk)
        self._line.append(first)
        if not rest:
            return []
        lines = [b"".join(self._line), *rest[:-1]]
        self._line = rest[-1:]
        return [payload for line in lines if (payload := self._read(line))]

    def _read(self, line: bytes) -> bytes:
        """The event's payload, if this line ends one that has a payload."""
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        if line:
            return b""
        payload, self._data = b"\n".join(self._data), []
        return payload


class Assembly:
    """Collects a stream: `feed` gives its events, `final` the answer they add up to."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.done = False
        self._sse = SSE()
        self._id = self._model = ""
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, _CallPieces] = {}
        self._finish_reason: str | None = None
        self.usage = TokenUsage()

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """Lazy, so that what came before an error in the same chunk is still seen.

        Raises:
            APIStatusError: the gateway put an error into the stream.
            StreamInterrupted: a payload cannot be read.
        """
        for payload in self._sse.feed(chunk):
            if payload == b"[DONE]":
                self.done = True
            else:
                yield from self._read(payload)

    def _read(self, payload: bytes) -> Iterator[StreamEvent]:
        try:
            body = wire.chunk(payload)
        except msgspec.DecodeError as broken:
            raise StreamInterrupted(
                f"the stream holds what is no chunk ({broken})", request_id=self.request_id
            ) from broken
        if body.error is not None:
            raise refusals.stream_error(body.error, self.request_id)
        self._id, self._model = body.id or self._id, body.model or self._model
        for choice in body.choices:
            if choice.delta is not None:
                yield from self._add(choice.delta)
            if choice.finish_reason is not None:
                self._finish_reason = choice.finish_reason
                yield Finished(choice.finish_reason)
        if body.usage is not None:
            self.usage = wire.token_usage(body.usage)
            yield Usage(self.usage)

    def _add(self, delta: wire.Said) -> Iterator[StreamEvent]:
        if delta.thinking:
            self._reasoning.append(delta.thinking)
            yield ReasoningDelta(delta.thinking)
        if delta.text:
            self._text.append(delta.text)
            yield TextDelta(delta.text)
        for call in delta.tool_calls or ():
            self._calls.setdefault(call.index, _CallPieces()).add(call)
            yield ToolCallDelta(call.index, call.id, call.name, call.arguments)

    def final(self) -> ChatCompletion:
        """Raises StreamInterrupted."""
        if self._finish_reason is None or not self.done:
            raise StreamInterrupted(
                f"the stream of request {self.request_id or 'unknown'} ended before its answer was complete",
                request_id=self.request_id,
            )
        calls = tuple(pieces.whole() for _, pieces in sorted(self._calls.items()))
        choice = Choice("".join(self._text), "".join(self._reasoning), calls, self._finish_reason)
        return ChatCompletion(self._id, self._model, (choice,), self.usage, self.request_id)


class _CallPieces:
    def __init__(self) -> None:
        self._id = self._name = ""
        self._arguments: list[str] = []

    def add(self, call: wire.Call) -> None:
        self._id, self._name = self._id or call.id or "", self._name or call.name or ""
        self._arguments.append(call.arguments)

    def whole(self) -> ToolCall:
        return ToolCall(self._id, self._name, "".join(self._arguments))
