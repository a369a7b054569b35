"""HTTP to the provider: deadlines, a bound on what it may say, no redirects."""

import asyncio
import ipaddress
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from gateway.oidc.types import ProviderFailed

T = TypeVar("T")

STEP_S_MAX = 5.0
"""To connect, and between two pieces of an answer."""
ANSWER_S_MAX = 10.0
ANSWER_BYTES_MAX = 2**20


class Fetcher:
    def __init__(self, issuer: str) -> None:
        self._client = httpx.AsyncClient(
            timeout=STEP_S_MAX, follow_redirects=False, trust_env=not _is_here(issuer)
        )

    async def ask(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Status and body.  Raises ProviderFailed: it is away, too slow, or says too much."""
        if not is_safe(url):
            raise ProviderFailed(f"the provider names an address without https: {url[:100]!r}")
        asked = {"accept": "application/json", **headers}
        try:
            async with (
                asyncio.timeout(ANSWER_S_MAX),
                self._client.stream(method, url, data=form, headers=asked) as answer,
            ):
                parts, size = [], 0
                async for part in answer.aiter_bytes():
                    parts.append(part)
                    size += len(part)
                    if size > ANSWER_BYTES_MAX:
                        raise ProviderFailed(f"{_host(url)} says more than {ANSWER_BYTES_MAX} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise ProviderFailed(
                f"{_host(url)} cannot be reached ({type(error).__name__}); try again, or sign in another way"
            ) from error
        return answer.status_code, b"".join(parts)

    async def close(self) -> None:
        await self._client.aclose()


def decoded(url: str, status: int, body: bytes, kind: type[T]) -> T:
    """Raises ProviderFailed."""
    if status != 200:
        raise ProviderFailed(f"{_host(url)} answers {status} at {urlsplit(url).path[:100]}")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ProviderFailed(
            f"{_host(url)} says what cannot be read at {urlsplit(url).path[:100]}"
        ) from error


def is_safe(url: str) -> bool:
    """Encrypted, or on this machine."""
    return url.startswith("https://") or (url.startswith("http://") and _is_here(url))


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "the provider")[:100]
