"""What to send, whether to try again, and which error an answer is.  Pure: no network, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

import msgspec

from . import _wire
from ._errors import APIStatusError, InsufficientCredits, TollwayError, kind_of
from ._types import GroupBy, Message

VERSION = "0.1.0"
DEFAULT_BASE_URL = "http://127.0.0.1:8080"

RETRYABLE = frozenset({408, 409, 429})
BACKOFF_S = (0.5, 8.0)
"""First pause and longest, doubling; each is shortened at random by up to a half."""
RETRY_AFTER_S_MAX = 120.0
"""Asked to wait for longer than this, we give up at once and let the caller decide."""

_OURS = frozenset({"stream", "stream_options"})
_STREAM_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "insufficient_quota": 402,
    "permission_error": 403,
    "rate_limit_error": 429,
}
"""A stream's HTTP status was 200 before anything went wrong; its error's `type` says what it would have been."""


class Request(msgspec.Struct, frozen=True):
    """One call, as it will go out on every attempt; `path` comes after the base URL."""

    method: str
    path: str
    body: bytes | None = None
    idempotency_key: str | None = None


class ChatFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a chat completion that the SDK knows; None is not sent."""

    model: str
    messages: Sequence[Message]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | Sequence[str] | None = None
    tools: Sequence[Mapping[str, object]] | None = None
    tool_choice: str | Mapping[str, object] | None = None
    response_format: Mapping[str, object] | None = None
    seed: int | None = None
    extra_body: Mapping[str, object] | None = None


class Account(msgspec.Struct, frozen=True):
    """Where to, and as whom."""

    api_key: str
    base_url: str


def account(api_key: str | None, base_url: str | None, environ: Mapping[str, str]) -> Account:
    """Arguments first, then the environment, then the default.

    Raises:
        TollwayError: no key, or one that cannot travel in a header.
    """
    key = (api_key or environ.get("TOLLWAY_API_KEY") or "").strip()
    if not key:
        raise TollwayError(
            "there is no API key: pass api_key='tw_…', or set the environment variable TOLLWAY_API_KEY"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        # Left to the HTTP library, the complaint would quote the key, and end up in logs.
        raise TollwayError(
            "the API key holds a space, a line break or a letter outside ASCII; was it pasted whole?"
        )
    url = (base_url or environ.get("TOLLWAY_BASE_URL") or DEFAULT_BASE_URL).strip()
    return Account(key, url.rstrip("/").removesuffix("/v1").rstrip("/"))


def chat_request(fields: ChatFields, idempotency_key: str, *, stream: bool) -> Request:
    """`extra_body` is sent as it is, and wins over the named fields.

    Raises:
        ValueError: `extra_body` says whether to stream; the method that was called says that.
        TypeError: something cannot be written as JSON.
    """
    extra = fields.extra_body or {}
    if ours := _OURS & extra.keys():
        raise ValueError(f"extra_body may not hold {', '.join(sorted(ours))}: call complete or stream")
    body = {name: getattr(fields, name) for name in fields.__struct_fields__ if name != "extra_body"}
    body = {name: value for name, value in body.items() if value is not None} | dict(extra)
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    encoded = msgspec.json.encode(body, enc_hook=_as_json)
    return Request("POST", "/v1/chat/completions", encoded, idempotency_key)


def _as_json(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def models_request() -> Request:
    return Request("GET", "/v1/models")


def credits_request() -> Request:
    return Request("GET", "/v1/credits")


def receipt_request(request_id: str) -> Request:
    return Request("GET", f"/v1/receipts/{quote(request_id, safe='')}")


def usage_request(group_by: GroupBy, since: str | None, until: str | None) -> Request:
    query = {"group_by": group_by, "since": since, "until": until}
    return Request("GET", "/v1/usage?" + urlencode({name: value for name, value in query.items() if value}))


def headers(api_key: str, request: Request) -> dict[str, str]:
    out = {"authorization": f"Bearer {api_key}", "user-agent": f"tollway-python/{VERSION}"}
    if request.body is not None:
        out["content-type"] = "application/json"
    if request.idempotency_key is not None:
        out["idempotency-key"] = request.idempotency_key
    return out


def retry_status_s(
    attempt: int, retries_max: int, status: int, headers: Mapping[str, str], dice: float
) -> float | None:
    """Seconds to wait before trying again after this answer; None: give up.

    `attempt` counts from 0; `dice` is random in [0, 1).  The server's word (`x-should-retry`) comes before the
    status, because only it knows whether work was started.
    """
    verdict = headers.get("x-should-retry", "").strip().lower()
    if attempt >= retries_max or verdict == "false":
        return None
    if verdict != "true" and status not in RETRYABLE and status < 500:
        return None
    asked = _retry_after_s(headers)
    if asked is None:
        return _backoff_s(attempt, dice)
    return asked if asked <= RETRY_AFTER_S_MAX else None


def retry_broken_s(
    attempt: int, retries_max: int, request: Request, dice: float, *, reached: bool
) -> float | None:
    """The same where no answer came.

    `reached` says that the gateway may have read the request.  A POST is then not sent again: a key makes a repetition
    harmless only where the gateway remembers keys, and a second answer would be a second charge.
    """
    if attempt >= retries_max or (reached and request.method != "GET"):
        return None
    return _backoff_s(attempt, dice)


def _backoff_s(attempt: int, dice: float) -> float:
    first, longest = BACKOFF_S
    return min(first * 2.0**attempt, longest) * (1.0 - dice / 2.0)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    for name, per_second in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / per_second
        except ValueError:
            continue  # absent, or a date: our own backoff will do
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def status_error(status: int, headers: Mapping[str, str], body: bytes) -> APIStatusError:
    """The error class for a status, filled from the gateway's error shape, or from whatever came instead."""
    return _error(_wire.error(body), status, headers)


def stream_error(said: _wire.Error, request_id: str) -> APIStatusError:
    """An error that came inside a stream.  Workers put a status into `code`; the gateway has words there."""
    if isinstance(said.code, int) and 400 <= said.code < 600:
        status = said.code
    else:
        status = _STREAM_STATUS.get(said.type or "", 500)
    return _error(said, status, {"x-request-id": request_id})


def _error(said: _wire.Error, status: int, headers: Mapping[str, str]) -> APIStatusError:
    error = kind_of(status)(
        said.message or "the gateway gave no reason",
        status_code=status,
        code=None if said.code is None else str(said.code),
        type=said.type,
        param=said.param,
        request_id=headers.get("x-request-id") or said.request_id,
        retry_after_s=_retry_after_s(headers),
    )
    if isinstance(error, InsufficientCredits):
        error.needed_nanousd, error.available_nanousd = said.needed_nanousd, said.available_nanousd
    return error
