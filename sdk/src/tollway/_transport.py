"""The only file that knows the HTTP library (httpx): sending, retrying, and turning its errors into ours."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator

import httpx

from . import _core
from ._core import Account, Request
from ._errors import APIConnectionError, APITimeoutError, StreamInterrupted, TollwayError

Response = httpx.Response
HttpClient = httpx.Client
AsyncHttpClient = httpx.AsyncClient

CONNECT_TIMEOUT_S_MAX = 10.0
LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=4.0)
"""httpx would let the 101st stream wait for the others.  Idle connections are dropped before the gateway's server
drops them (after 5 s), so that a request is not sent into a closing connection."""

_FAILED = (httpx.RequestError, httpx.InvalidURL)
_NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_PASSING = (*_NOT_REACHED, httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
"""What may be gone the next time, unlike a bad URL."""


class Link:
    """An account and the connections to its gateway."""

    def __init__(
        self, account: Account, timeout_s: float, max_retries: int, http_client: HttpClient | None
    ) -> None:
        self.account = account
        self._timeout = _timeout(timeout_s)
        self._retries_max = max_retries
        self._http = http_client or httpx.Client(limits=LIMITS)
        self._owned = http_client is None

    def send(self, request: Request, *, stream: bool = False) -> Response:
        """The answer, if its status is a success; of a stream only the head is read.  Raises TollwayError."""
        attempt = 0
        while True:
            try:
                response = self._http.send(
                    _build(self._http, self.account, request, self._timeout), stream=stream
                )
                if response.is_success:
                    return response
                response.read()
            except _FAILED as broken:
                pause_s = _pause_broken_s(attempt, self._retries_max, request, broken)
                if pause_s is None:
                    raise _translate(broken) from broken
            else:
                pause_s = _pause_status_s(attempt, self._retries_max, response)
                if pause_s is None:
                    raise _core.status_error(response.status_code, response.headers, response.content)
            time.sleep(pause_s)
            attempt += 1

    def close(self) -> None:
        if self._owned:
            self._http.close()


class AsyncLink:
    """`Link` for asyncio."""

    def __init__(
        self, account: Account, timeout_s: float, max_retries: int, http_client: AsyncHttpClient | None
    ) -> None:
        self.account = account
        self._timeout = _timeout(timeout_s)
        self._retries_max = max_retries
        self._http = http_client or httpx.AsyncClient(limits=LIMITS)
        self._owned = http_client is None

    async def send(self, request: Request, *, stream: bool = False) -> Response:
        """`Link.send`."""
        attempt = 0
        while True:
            try:
                response = await self._http.send(
                    _build(self._http, self.account, request, self._timeout), stream=stream
                )
                if response.is_success:
                    return response
                await response.aread()
            except _FAILED as broken:
                pause_s = _pause_broken_s(attempt, self._retries_max, request, broken)
                if pause_s is None:
                    raise _translate(broken) from broken
            else:
                pause_s = _pause_status_s(attempt, self._retries_max, response)
                if pause_s is None:
                    raise _core.status_error(response.status_code, response.headers, response.content)
            await asyncio.sleep(pause_s)
            attempt += 1

    async def close(self) -> None:
        if self._owned:
            await self._http.aclose()


def request_id(response: Response) -> str:
    return str(response.headers.get("x-request-id", ""))


def chunks(response: Response) -> Iterator[bytes]:
    """A stream's bytes as they come.  Raises APITimeoutError, StreamInterrupted."""
    try:
        yield from response.iter_bytes()
    except (httpx.RequestError, httpx.StreamError) as broken:
        raise _translate_in_stream(broken, request_id(response)) from broken


async def async_chunks(response: Response) -> AsyncIterator[bytes]:
    """`chunks` for asyncio."""
    try:
        async for chunk in response.aiter_bytes():
            yield chunk
    except (httpx.RequestError, httpx.StreamError) as broken:
        raise _translate_in_stream(broken, request_id(response)) from broken


def _timeout(timeout_s: float) -> httpx.Timeout:
    return httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S_MAX))


def _build(
    client: httpx.Client | httpx.AsyncClient, account: Account, request: Request, timeout: httpx.Timeout
) -> httpx.Request:
    headers = _core.headers(account.api_key, request)
    url = account.base_url + request.path
    return client.build_request(request.method, url, headers=headers, content=request.body, timeout=timeout)


def _pause_status_s(attempt: int, retries_max: int, response: Response) -> float | None:
    dice = random.random()  # noqa: S311 - jitter
    return _core.retry_status_s(attempt, retries_max, response.status_code, response.headers, dice)


def _pause_broken_s(attempt: int, retries_max: int, request: Request, broken: Exception) -> float | None:
    if not isinstance(broken, _PASSING):
        return None
    dice = random.random()  # noqa: S311 - jitter
    reached = not isinstance(broken, _NOT_REACHED)
    return _core.retry_broken_s(attempt, retries_max, request, dice, reached=reached)


def _translate(broken: Exception) -> TollwayError:
    if isinstance(broken, httpx.TimeoutException):
        return APITimeoutError("the gateway did not answer in time; raise timeout_s if it needs longer")
    return APIConnectionError(
        f"the gateway cannot be reached ({type(broken).__name__}: {broken}); is base_url right?"
    )


def _translate_in_stream(broken: Exception, request_id: str) -> TollwayError:
    if isinstance(broken, httpx.TimeoutException):
        return APITimeoutError(
            "the stream fell silent; raise timeout_s if it may pause longer", request_id=request_id
        )
    return StreamInterrupted(
        f"the stream broke off ({type(broken).__name__}: {broken})", request_id=request_id
    )
