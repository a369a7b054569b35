"""What a caller is told: which limit, its value, how much was asked, when to try again; and what is left, as headers.

The names are OpenAI's, and beside them Mistral's and Anthropic's words for what OpenAI has none for (docs/limits.md).
"""

from collections.abc import Sequence

from gateway.errors import RateLimited, RequestExceedsLimit
from gateway.limits.types import FIELD_OF, KINDS, MINUTE_US, Bound, Kind, Lack, minute_of

SLOT_WAIT_MS = 1000
"""When to try again for a slot: nobody knows when a running request ends."""
_WORDS: dict[Kind, str] = {
    "requests": "requests per minute",
    "input_tokens": "input tokens per minute",
    "output_tokens": "output tokens per minute",
    "concurrency": "requests at the same time",
}
_WHOSE = {"account": "this account", "key": "this key"}
_SMALLER: dict[Kind, str] = {
    "input_tokens": "send a shorter prompt",
    "output_tokens": "ask for a smaller max_tokens",
}


def refusal(lack: Lack, now_us: int) -> RateLimited:
    wait_ms = (
        SLOT_WAIT_MS if lack.kind == "concurrency" else (minute_of(now_us) + MINUTE_US - now_us) // 1000 + 1
    )
    return RateLimited(
        f"{_WHOSE[lack.subject.scope]} may use {lack.limit} {_WORDS[lack.kind]}; {lack.left} are left and this request"
        f" needs {lack.asked}; try again in {wait_ms / 1000:.1f} s",
        retry_after_ms=wait_ms,
        extra=_numbers(lack),
    )


def refusal_for_good(lack: Lack) -> RequestExceedsLimit:
    return RequestExceedsLimit(
        f"{_WHOSE[lack.subject.scope]} may use {lack.limit} {_WORDS[lack.kind]}, and this request alone needs"
        f" {lack.asked}; {_SMALLER[lack.kind]}, or ask for a higher limit",
        param="max_tokens" if lack.kind == "output_tokens" else None,
        extra=_numbers(lack),
    )


def _numbers(lack: Lack) -> dict[str, int | str]:
    return {
        "limit_name": FIELD_OF[lack.kind],
        "limit_scope": lack.subject.scope,
        "limit": lack.limit,
        "requested": lack.asked,
        "remaining": lack.left,
    }


def headers(
    bounds: Sequence[tuple[Bound, Sequence[int | None]]], resets_us: int, tokens_asked: int
) -> dict[str, str]:
    """Of each kind the limit that is nearest: the account's or the key's.  `tokens` is the scarcer of input and output."""
    nearest: dict[Kind, tuple[int, int]] = {}
    for bound, left in bounds:
        for kind, limit, remaining in zip(KINDS, bound.limits.each, left, strict=True):
            if limit is not None and remaining is not None:
                nearest[kind] = min(nearest.get(kind, (remaining, limit)), (remaining, limit))
    found: dict[str, str] = {}
    reset = duration(resets_us)
    for kind, (remaining, limit) in nearest.items():
        name = kind.replace("_", "-")
        _say(found, name, remaining, limit, None if kind == "concurrency" else reset)
    tokens = [nearest[kind] for kind in ("input_tokens", "output_tokens") if kind in nearest]
    if tokens:
        remaining, limit = min(tokens, key=lambda pair: pair[0] / pair[1])
        _say(found, "tokens", remaining, limit, reset)
        found["x-ratelimit-limit-tokens-minute"] = str(limit)
        found["x-ratelimit-remaining-tokens-minute"] = str(remaining)
        found["x-ratelimit-tokens-query-cost"] = str(tokens_asked)
    if "requests" in nearest:
        found["x-ratelimit-limit-req-minute"] = str(nearest["requests"][1])
        found["x-ratelimit-remaining-req-minute"] = str(nearest["requests"][0])
    return found


def _say(found: dict[str, str], name: str, remaining: int, limit: int, reset: str | None) -> None:
    found[f"x-ratelimit-limit-{name}"] = str(limit)
    found[f"x-ratelimit-remaining-{name}"] = str(remaining)
    if reset is not None:
        found[f"x-ratelimit-reset-{name}"] = reset


def duration(us: int) -> str:
    """As OpenAI writes it: `120ms`, `12.3s`, `1m0s`."""
    ms = -(-us // 1000)
    if ms < 1000:
        return f"{ms}ms"
    minutes, rest = divmod(ms, 60_000)
    seconds = f"{rest / 1000:g}s"
    return f"{minutes}m{seconds}" if minutes else seconds
