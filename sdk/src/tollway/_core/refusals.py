"""Which error of ours an answer is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollway._core import wire
from tollway._core.retry import retry_after_s
from tollway._errors import (
    BY_STATUS,
    APIStatusError,
    BudgetExceeded,
    ContextTooLong,
    InsufficientCredits,
    KeyCapReached,
    ProjectCapReached,
    RateLimited,
    ServerError,
    TollwayError,
)
from tollway._money import Money

BY_CODE: dict[str, type[APIStatusError]] = {
    "context_length_exceeded": ContextTooLong,
    "key_cap_reached": KeyCapReached,
    "project_cap_reached": ProjectCapReached,
    "max_cost_exceeded": BudgetExceeded,
}
"""Where the gateway's word says more than the status."""

_STREAM_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "insufficient_quota": 402,
    "permission_error": 403,
    "rate_limit_error": 429,
}
"""A stream's HTTP status was 200 before anything went wrong; its error's `type` says what it would have been."""


def status_error(status: int, headers: Mapping[str, str], body: bytes) -> TollwayError:
    """Filled from the gateway's error shape, or from whatever came instead."""
    return _error(wire.error(body), status, headers)


def stream_error(said: wire.Error, request_id: str) -> TollwayError:
    """An error that came inside a stream.  Workers put a status into `code`; the gateway has words there."""
    if isinstance(said.code, int) and 400 <= said.code < 600:
        status = said.code
    else:
        status = _STREAM_STATUS.get(said.type or "", 500)
    return _error(said, status, {"x-request-id": request_id})


def _error(said: wire.Error, status: int, headers: Mapping[str, str]) -> APIStatusError:
    kind = (
        BY_CODE.get(str(said.code))
        or BY_STATUS.get(status)
        or (ServerError if status >= 500 else APIStatusError)
    )
    error = kind(
        said.message or "the gateway gave no reason",
        status_code=status,
        code=None if said.code is None else str(said.code),
        type=said.type,
        param=said.param,
        request_id=headers.get("x-request-id") or said.request_id,
        retry_after_s=retry_after_s(headers),
    )
    vars(error).update(_details(error, said))
    return error


def _details(error: APIStatusError, said: wire.Error) -> dict[str, Any]:
    """What only some kinds have."""
    if isinstance(error, InsufficientCredits | BudgetExceeded):
        amounts = {"needed": _money(said.needed_nanousd), "available": _money(said.available_nanousd)}
        if not isinstance(error, KeyCapReached | ProjectCapReached):
            return amounts
        whose = {"project_id": said.project_id} if isinstance(error, ProjectCapReached) else {}
        cap = {"window": said.window, "cap": _money(said.cap_nanousd), "resets_at": said.resets_at}
        return {**amounts, **cap, **whose}
    if isinstance(error, ContextTooLong):
        return {"tokens": said.tokens, "limit": said.limit}
    if isinstance(error, RateLimited):
        return {
            "limit_name": said.limit_name,
            "limit_scope": said.limit_scope,
            "limit": said.limit,
            "requested": said.requested,
            "remaining": said.remaining,
        }
    return {}


def _money(nanousd: int | None) -> Money | None:
    return None if nanousd is None else Money(nanousd)
