"""What to send, whether to try again, and what an answer means.  Pure: no network, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from ._errors import BY_STATUS, APIStatusError, BadRequest, ServerError
from ._types import ChatCompletion, Choice, ListOf, TokenUsage, ToolCall

T = TypeVar("T")

RETRYABLE = frozenset({408, 409, 429})
BACKOFF_S = (0.5, 8.0)
"""First pause and longest, doubling; each is shortened at random by up to a half."""
RETRY_AFTER_S_MAX = 120.0


class Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    body: bytes | None = None
    idempotency_key: str | None = None


class _Text(msgspec.Struct):
    type: str = "text"
    text: str | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function = msgspec.field(default_factory=_Function)


class Said(msgspec.Struct):
    """A message, or what a stream adds to one."""

    content: str | list[_Text] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content if part.type == "text")
        return self.content or ""

    @property
    def thinking(self) -> str:
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
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    image_tokens: int = 0
    cost_nanousd: int = 0
    credits_remaining_usd: str | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class Body(msgspec.Struct):
    """A completion, or one chunk of it."""

    id: str = ""
    model: str = ""
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: _Error | None = None


class _Error(msgspec.Struct):
    message: str = ""
    type: str | None = None
    param: str | None = None
    code: str | int | None = None
    request_id: str | None = None
    needed_nanousd: int | None = None
    available_nanousd: int | None = None


class _ErrorBody(msgspec.Struct):
    error: _Error | None = None


def chat_request(fields: Mapping[str, Any], extra: Mapping[str, Any] | None, idempotency_key: str) -> Request:
    """Fields that are None are left out; `extra` is sent as it is."""
    body = {name: value for name, value in fields.items() if value is not None}
    return Request(
        "POST", "/v1/chat/completions", msgspec.json.encode({**body, **(extra or {})}), idempotency_key
    )


def headers(api_key: str, request: Request, version: str) -> dict[str, str]:
    out = {"authorization": f"Bearer {api_key}", "user-agent": f"tollway-python/{version}"}
    if request.body is not None:
        out["content-type"] = "application/json"
    if request.idempotency_key is not None:
        out["idempotency-key"] = request.idempotency_key
    return out


def retry_pause_s(
    attempt: int, retries_max: int, status: int | None, headers: Mapping[str, str], dice: float
) -> float | None:
    """Seconds to wait before the next try; None: give up.

    `attempt` counts from 0; `status` is None when there was no answer; `dice` is random in [0, 1).  The server's word
    (`x-should-retry`) comes first, because only it knows whether work was started.
    """
    if attempt >= retries_max:
        return None
    verdict = headers.get("x-should-retry")
    if verdict == "false":
        return None
    if verdict != "true" and status is not None and status not in RETRYABLE and status < 500:
        return None
    asked = _retry_after_s(headers)
    if asked is not None:
        return asked if asked <= RETRY_AFTER_S_MAX else None
    first, longest = BACKOFF_S
    return min(first * 2.0**attempt, longest) * (1.0 - dice / 2.0)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "")
        try:
            seconds = float(text) / unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def status_error(status: int, headers: Mapping[str, str], body: bytes) -> APIStatusError:
    """The error class for a status, filled from the gateway's error shape, or from whatever came instead."""
    try:
        said = msgspec.json.decode(body, type=_ErrorBody).error
    except msgspec.DecodeError:
        said = None
    said = said or _Error(message=body[:300].decode("utf-8", "replace") or "no explanation")
    return _error(said, status, headers)


def stream_error(said: _Error, request_id: str) -> APIStatusError:
    return _error(said, 500, {"x-request-id": request_id})


def _error(said: _Error, status: int, headers: Mapping[str, str]) -> APIStatusError:
    kind = BY_STATUS.get(status, ServerError if status >= 500 else BadRequest)
    return kind(
        said.message,
        status_code=status,
        code=None if said.code is None else str(said.code),
        type=said.type,
        param=said.param,
        request_id=headers.get("x-request-id") or said.request_id,
        retry_after_s=_retry_after_s(headers),
        needed_nanousd=said.needed_nanousd,
        available_nanousd=said.available_nanousd,
    )


def completion(body: bytes, request_id: str) -> ChatCompletion:
    said = msgspec.json.decode(body, type=Body)
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
        ToolCall(call.id or "", call.function.name or "", call.function.arguments or "")
        for call in message.tool_calls or ()
    )
    return Choice(message.text, message.thinking, calls, choice.finish_reason)


def token_usage(said: _Usage | None) -> TokenUsage:
    if said is None:
        return TokenUsage()
    inputs, outputs = said.prompt_tokens_details, said.completion_tokens_details
    return TokenUsage(
        prompt_tokens=said.prompt_tokens,
        completion_tokens=said.completion_tokens,
        total_tokens=said.total_tokens,
        image_tokens=said.image_tokens,
        cached_tokens=(inputs.cached_tokens or 0) if inputs else 0,
        reasoning_tokens=(outputs.reasoning_tokens or 0) if outputs else 0,
        cost_nanousd=said.cost_nanousd,
        credits_remaining_usd=said.credits_remaining_usd,
    )


def read(body: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(body, type=kind)


def read_list(body: bytes, kind: type[T]) -> list[T]:
    return [msgspec.json.decode(item, type=kind) for item in msgspec.json.decode(body, type=ListOf).data]
