"""Whether to try again, and after how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from tollway._core.request import Call
from tollway._errors import APIConnectionError, APITimeoutError

T = TypeVar("T")

RETRYABLE = frozenset({408, 409, 429})
BACKOFF_S = (0.5, 8.0)
"""First pause and longest, doubling; each is shortened at random by up to a half."""
RETRY_AFTER_S_MAX = 120.0
"""Asked to wait for longer than this, we give up at once and let the caller decide."""


def after_status_s(
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
    asked = retry_after_s(headers)
    if asked is None:
        return _backoff_s(attempt, dice)
    return asked if asked <= RETRY_AFTER_S_MAX else None


def after_break_s(
    attempt: int, retries_max: int, broken: APIConnectionError, call: Call[T], dice: float
) -> float | None:
    """The same where no answer came.

    A request that may have arrived is sent again only if that is harmless: a model's answer is, for its idempotency key
    brings the first one back; another key or grant would be a second one.  One that timed out is not: the caller has
    said how long to wait.
    """
    arrived = broken.reached and (
        (isinstance(broken, APITimeoutError) and call.method != "GET") or not call.harmless
    )
    if attempt >= retries_max or not broken.passing or arrived:
        return None
    return _backoff_s(attempt, dice)


def _backoff_s(attempt: int, dice: float) -> float:
    first, longest = BACKOFF_S
    return min(first * 2.0**attempt, longest) * (1.0 - dice / 2.0)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    for name, per_second in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / per_second
        except ValueError:
            continue  # absent, or a date: our own backoff will do
        if 0 <= seconds < float("inf"):
            return seconds
    return None
