"""The bytes of an answer, read leniently: unknown fields are ignored, and what may be absent may also be null.

Only this file knows the wire's shapes; the rest of the SDK sees `_types`.  Pure.
"""

from __future__ import annotations

import array
import base64
import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec

from tollway._errors import APIConnectionError
from tollway._types.chat import ChatCompletion, Choice, TokenUsage, ToolCall
from tollway._types.texts import Embeddings

T = TypeVar("T")


class _Part(msgspec.Struct):
    type: str = "text"
    text: str | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct):
    """A tool call, or a piece of one."""

    index: int = 0
    id: str | None = None
    function: _Function | None = None

    @property
    def name(self) -> str | None:
        return self.function.name if self.function else None

    @property
    def arguments(self) -> str:
        return (self.function.arguments if self.function else None) or ""


class Said(msgspec.Struct):
    """A message, or what a stream adds to one."""

    content: str | list[_Part] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[Call] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content if part.type == "text")
        return self.content or ""

    @property
    def thinking(self) -> str:
        # Newer vLLM says `reasoning`, older ones and others `reasoning_content`; some say both, with one text.
        return self.reasoning or self.reasoning_content or ""


class _Choice(msgspec.Struct):
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    image_tokens: int | None = None
    cost_nanousd: int | None = None
    credits_remaining_usd: str | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class Error(msgspec.Struct):
    """The gateway's error, with the fields that only some errors have."""

    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | int | None = None
    request_id: str | None = None
    needed_nanousd: int | None = None
    available_nanousd: int | None = None
    window: str | None = None
    cap_nanousd: int | None = None
    resets_at: str | None = None
    project_id: str | None = None
    tokens: int | None = None
    limit: int | None = None
    limit_name: str | None = None
    limit_scope: str | None = None
    requested: int | None = None
    remaining: int | None = None


class Body(msgspec.Struct):
    """A completion, or one chunk of it."""

    id: str = ""
    model: str = ""
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Error | None = None


class _Vector(msgspec.Struct):
    embedding: str | list[float]
    index: int = 0


class _Vectors(msgspec.Struct):
    data: list[_Vector]
    model: str = ""
    usage: _Usage | None = None


class _ErrorBody(msgspec.Struct):
    error: Error


class _ListOf(msgspec.Struct):
    data: list[msgspec.Raw]


_body = msgspec.json.Decoder(Body)
_error_body = msgspec.json.Decoder(_ErrorBody)


def chunk(payload: bytes) -> Body:
    """Raises msgspec.DecodeError."""
    return _body.decode(payload)


def error(body: bytes) -> Error:
    """What an error's body says; something else than the gateway may have written it, so any bytes will do."""
    try:
        return _error_body.decode(body).error
    except msgspec.DecodeError:
        return Error(message=body[:300].decode("utf-8", "replace"))


def completion(body: bytes, request_id: str) -> ChatCompletion:
    """Raises APIConnectionError."""
    said = read(body, Body, request_id)
    return ChatCompletion(
        id=said.id,
        model=said.model,
        choices=tuple(_choice(choice) for choice in said.choices),
        usage=token_usage(said.usage),
        request_id=request_id,
    )


def _choice(choice: _Choice) -> Choice:
    message = choice.message or Said()
    calls = tuple(
        ToolCall(call.id or "", call.name or "", call.arguments) for call in message.tool_calls or ()
    )
    return Choice(message.text, message.thinking, calls, choice.finish_reason)


def token_usage(said: _Usage | None) -> TokenUsage:
    if said is None:
        return TokenUsage()
    inputs, outputs = said.prompt_tokens_details, said.completion_tokens_details
    return TokenUsage(
        prompt_tokens=said.prompt_tokens or 0,
        completion_tokens=said.completion_tokens or 0,
        total_tokens=said.total_tokens or 0,
        image_tokens=said.image_tokens or 0,
        cached_tokens=(inputs.cached_tokens or 0) if inputs else 0,
        reasoning_tokens=(outputs.reasoning_tokens or 0) if outputs else 0,
        cost_nanousd=said.cost_nanousd,
        credits_remaining_usd=said.credits_remaining_usd,
    )


def embeddings(body: bytes, request_id: str) -> Embeddings:
    """Raises APIConnectionError."""
    said = read(body, _Vectors, request_id)
    vectors = tuple(
        _floats(item.embedding, request_id) for item in sorted(said.data, key=lambda item: item.index)
    )
    return Embeddings(said.model, vectors, token_usage(said.usage), request_id)


def _floats(packed: str | list[float], request_id: str) -> tuple[float, ...]:
    if isinstance(packed, list):
        return tuple(packed)
    try:
        return tuple(array.array("f", _little_endian(base64.b64decode(packed, validate=True))))
    except ValueError as broken:
        raise _not_ours(broken, request_id) from broken


def _little_endian(data: bytes) -> bytes:
    """In this machine's order."""
    if sys.byteorder == "little":
        return data
    numbers = array.array("f", data)
    numbers.byteswap()
    return numbers.tobytes()


def read(body: bytes, kind: type[T], request_id: str) -> T:
    """Raises APIConnectionError: a success that is not in the gateway's shape comes from something else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as broken:
        raise _not_ours(broken, request_id) from broken


def _not_ours(broken: Exception, request_id: str) -> APIConnectionError:
    return APIConnectionError(
        f"the answer is not a Tollway gateway's ({broken}); is base_url right?", request_id=request_id
    )


def reader(kind: type[T]) -> Callable[[bytes, str], T]:
    """`read` of this type."""

    def read_one(body: bytes, request_id: str) -> T:
        return read(body, kind, request_id)

    return read_one


def list_reader(kind: type[T]) -> Callable[[bytes, str], list[T]]:
    """`read` of an envelope of these."""

    def read_list(body: bytes, request_id: str) -> list[T]:
        return [read(bytes(item), kind, request_id) for item in read(body, _ListOf, request_id).data]

    return read_list
