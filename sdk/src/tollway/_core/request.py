"""A question to the gateway, as data: what goes out on every attempt, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tollway._errors import TollwayError
from tollway._money import Money

T = TypeVar("T")

VERSION = "0.1.0"
DEFAULT_BASE_URL = "http://127.0.0.1:8080"
USER_AGENT = f"tollway-python/{VERSION}"


class Call(msgspec.Struct, Generic[T], frozen=True):
    """`path` comes after the base URL; `read` takes the answer's bytes and its request id.

    `harmless`: sent again after a broken connection, it cannot do the same thing twice.
    """

    method: str
    path: str
    read: Callable[[bytes, str], T]
    body: bytes | None = None
    idempotency_key: str | None = None
    timeout_s: float | None = None
    harmless: bool = True


class Account(msgspec.Struct, frozen=True):
    """Where to, and as whom."""

    api_key: str
    base_url: str


def account(
    api_key: str | None, base_url: str | None, environ: Mapping[str, str], saved: Account | None = None
) -> Account:
    """Arguments first, then the environment, then what `tollway login` saved, then the default.

    The saved key goes to the saved URL only: it was issued there.

    Raises:
        TollwayError: no key, or one that cannot travel in a header.
    """
    url = gateway_url(base_url, environ, saved)
    key = (api_key or environ.get("TOLLWAY_API_KEY") or "").strip()
    if not key and saved and url == _clean(saved.base_url):
        key = saved.api_key.strip()
    if not key:
        raise TollwayError(
            "there is no API key: pass api_key='tw_…', set the environment variable TOLLWAY_API_KEY, or run"
            " `tollway login`"
        )
    return Account(_sendable(key), url)


def operator(api_key: str | None, base_url: str | None, environ: Mapping[str, str]) -> Account:
    """`account` for an operator, whose key is never taken for a customer's, or saved.

    Raises:
        TollwayError: no key, or one that cannot travel in a header.
    """
    key = (api_key or environ.get("TOLLWAY_ADMIN_KEY") or "").strip()
    if not key:
        raise TollwayError(
            "there is no operator's key: pass api_key='twop_…', or set the environment variable TOLLWAY_ADMIN_KEY"
        )
    return Account(_sendable(key), _clean(base_url or environ.get("TOLLWAY_BASE_URL") or DEFAULT_BASE_URL))


def _sendable(key: str) -> str:
    if not (key.isascii() and key.isprintable()) or " " in key:
        # Left to the HTTP library, the complaint would quote the key, and end up in logs.
        raise TollwayError(
            "the API key holds a space, a line break or a letter outside ASCII; was it pasted whole?"
        )
    return key


def gateway_url(base_url: str | None, environ: Mapping[str, str], saved: Account | None) -> str:
    """Without a trailing `/v1`, which clients of OpenAI's are used to."""
    return _clean(
        base_url or environ.get("TOLLWAY_BASE_URL") or (saved.base_url if saved else DEFAULT_BASE_URL)
    )


def _clean(url: str) -> str:
    return url.strip().rstrip("/").removesuffix("/v1").rstrip("/")


def headers(api_key: str, call: Call[T]) -> dict[str, str]:
    out = {"authorization": f"Bearer {api_key}", "user-agent": USER_AGENT}
    if call.body is not None:
        out["content-type"] = "application/json"
    if call.idempotency_key is not None:
        out["idempotency-key"] = call.idempotency_key
    return out


def path(*segments: str, **query: str | int | None) -> str:
    """Segments are quoted, and what is None is left out."""
    wanted = {name: value for name, value in query.items() if value is not None}
    whole = "".join(f"/{quote(segment, safe='')}" for segment in segments)
    return f"{whole}?{urlencode(wanted)}" if wanted else whole


def encode(body: object) -> bytes:
    """As JSON.  Raises TypeError: something cannot be written so."""
    return msgspec.json.encode(body, enc_hook=_as_json)


def _as_json(value: object) -> object:
    if isinstance(value, Money):
        return value.usd
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def instant(value: datetime | str | None) -> str | None:
    """RFC 3339, from a text of that form or a `datetime`.

    Raises:
        ValueError: a datetime without a timezone: which instant it means cannot be known.
    """
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError("a datetime needs its timezone here: datetime.now(timezone.utc), for one")
    return value.isoformat()
