"""The only file that knows the HTTP library (httpx): sending, retrying, and turning its errors into ours."""

from __future__ import annotations

import asyncio
import random
import time

import httpx

from . import _core
from ._core import Request
from ._errors import APIConnectionError, APITimeoutError, TollwayError

VERSION = "0.1.0"

Response = httpx.Response
HttpClient = httpx.Client
AsyncHttpClient = httpx.AsyncClient
StreamFailed = httpx.HTTPError


class Profile:
    """Where to, as whom, and how patiently."""

    def __init__(self, api_key: str, base_url: str, timeout_s: float, max_retries: int) -> None:
        self.api_key = api_key
        self.base_url = base_url
        self.timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0))
        self.max_retries = max_retries

    def build(self, client: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
        headers = _core.headers(self.api_key, request, VERSION)
        url = self.base_url + request.path
        return client.build_request(
            request.method, url, headers=headers, content=request.body, timeout=self.timeout
        )


def send(client: httpx.Client, profile: Profile, request: Request, *, stream: bool = False) -> Response:
    """The answer, if its status is a success; retried as `_core.retry_pause_s` decides."""
    attempt = 0
    while True:
        response, error = None, None
        try:
            response = client.send(profile.build(client, request), stream=stream)
        except httpx.TransportError as caught:
            error = translate(caught)
        if response is not None and response.is_success:
            return response
        if response is not None and stream:
            response.read()
        pause = _pause(attempt, profile, response)
        if pause is None:
            raise _failure(response, error)
        time.sleep(pause)
        attempt += 1


async def send_async(
    client: httpx.AsyncClient, profile: Profile, request: Request, *, stream: bool = False
) -> Response:
    """The same for asyncio."""
    attempt = 0
    while True:
        response, error = None, None
        try:
            response = await client.send(profile.build(client, request), stream=stream)
        except httpx.TransportError as caught:
            error = translate(caught)
        if response is not None and response.is_success:
            return response
        if response is not None and stream:
            await response.aread()
        pause = _pause(attempt, profile, response)
        if pause is None:
            raise _failure(response, error)
        await asyncio.sleep(pause)
        attempt += 1


def request_id(response: Response) -> str:
    return str(response.headers.get("x-request-id", ""))


def translate(error: httpx.HTTPError) -> TollwayError:
    if isinstance(error, httpx.TimeoutException):
        return APITimeoutError("the gateway did not answer in time; raise timeout_s if it needs longer")
    return APIConnectionError(f"the gateway cannot be reached ({error}); is base_url right?")


def _pause(attempt: int, profile: Profile, response: Response | None) -> float | None:
    status, headers = (None, {}) if response is None else (response.status_code, response.headers)
    return _core.retry_pause_s(attempt, profile.max_retries, status, headers, random.random())  # noqa: S311 - jitter


def _failure(response: Response | None, error: TollwayError | None) -> TollwayError:
    if error is not None:
        return error
    assert response is not None, "either an answer or an error"
    return _core.status_error(response.status_code, response.headers, response.content)
