"""The only file that knows the HTTP library (httpx): one exchange, and its errors as ours.  Imported when a client is made:
it takes longer to import than all the rest.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import TypeVar

import httpx

from tollway._core.request import Account, Call, headers
from tollway._errors import APIConnectionError, APITimeoutError, StreamInterrupted, TollwayError

T = TypeVar("T")

Client = httpx.Client
AsyncClient = httpx.AsyncClient
Response = httpx.Response

CONNECT_TIMEOUT_S_MAX = 10.0
LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=4.0)
"""httpx would let the 101st stream wait for the others.  Idle connections are dropped before the gateway's server
drops them (after 5 s), so that a request is not sent into a closing connection."""

_FAILED = (httpx.RequestError, httpx.InvalidURL)
_NOT_REACHED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
)
_PASSING = (
    httpx.ConnectError, httpx.PoolTimeout, httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError,
)  # fmt: skip


def client() -> Client:
    return httpx.Client(limits=LIMITS)


def async_client() -> AsyncClient:
    return httpx.AsyncClient(limits=LIMITS)


def send(http: Client, account: Account, call: Call[T], timeout_s: float, *, stream: bool) -> Response:
    """One attempt; of a stream that succeeds only the head is read.  Raises APIConnectionError."""
    try:
        response = http.send(_build(http, account, call, timeout_s), stream=stream)
        if stream and not response.is_success:
            response.read()
    except _FAILED as broken:
        raise _translate(broken) from broken
    return response


async def async_send(
    http: AsyncClient, account: Account, call: Call[T], timeout_s: float, *, stream: bool
) -> Response:
    """`send` for asyncio."""
    try:
        response = await http.send(_build(http, account, call, timeout_s), stream=stream)
        if stream and not response.is_success:
            await response.aread()
    except _FAILED as broken:
        raise _translate(broken) from broken
    return response


def request_id(response: Response) -> str:
    return str(response.headers.get("x-request-id", ""))


def chunks(response: Response) -> Iterator[bytes]:
    """A stream's bytes as they come.  Raises APITimeoutError, StreamInterrupted."""
    try:
        yield from response.iter_bytes()
    except (httpx.RequestError, httpx.StreamError) as broken:
        raise _translate_in_stream(broken, request_id(response)) from broken


async def async_chunks(response: Response) -> AsyncGenerator[bytes, None]:
    """`chunks` for asyncio."""
    try:
        async for chunk in response.aiter_bytes():
            yield chunk
    except (httpx.RequestError, httpx.StreamError) as broken:
        raise _translate_in_stream(broken, request_id(response)) from broken


def _build(http: Client | AsyncClient, account: Account, call: Call[T], timeout_s: float) -> httpx.Request:
    return http.build_request(
        call.method,
        account.base_url + call.path,
        headers=headers(account.api_key, call),
        content=call.body,
        timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S_MAX)),
    )


def _translate(broken: Exception) -> TollwayError:
    reached, passing = not isinstance(broken, _NOT_REACHED), isinstance(broken, _PASSING)
    if isinstance(broken, httpx.TimeoutException):
        return APITimeoutError(
            "the gateway did not answer in time; raise timeout_s if it needs longer",
            reached=reached,
            passing=passing,
        )
    return APIConnectionError(
        f"the gateway cannot be reached ({type(broken).__name__}: {broken}); is base_url right?",
        reached=reached,
        passing=passing,
    )


def _translate_in_stream(broken: Exception, request_id: str) -> TollwayError:
    if isinstance(broken, httpx.TimeoutException):
        return APITimeoutError(
            "the stream fell silent; raise timeout_s if it may pause longer", request_id=request_id
        )
    return StreamInterrupted(
        f"the stream broke off ({type(broken).__name__}: {broken})", request_id=request_id
    )
