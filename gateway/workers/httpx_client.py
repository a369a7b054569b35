"""The relay's client on httpx: the twin of `wire.py` for tests, where respx stands in for what cannot be reached."""

import asyncio
from collections.abc import Mapping

import httpx

from gateway.workers.http import BROKEN_BEFORE, BROKEN_OFF, broken, silent, unreachable


class HttpxAnswer:
    def __init__(self, response: httpx.Response, closing: "set[asyncio.Future[None]]") -> None:
        self._response = response
        self._pieces = response.aiter_bytes()
        self._next: asyncio.Future[bytes] | None = None
        self._closing = closing
        self._closed = False
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    async def read(self, within_s: float) -> bytes:
        """Shielded: a generator that is cancelled has nothing more to say."""
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._pieces, b""))
        try:
            async with asyncio.timeout(within_s):
                piece = await asyncio.shield(self._next)
        except TimeoutError:
            raise silent(within_s) from None
        except httpx.HTTPError as error:
            raise broken(BROKEN_OFF) from error
        self._next = None
        return piece

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            closing = asyncio.ensure_future(self._close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        await self._response.aclose()


class HttpxClient:
    def __init__(self, *, connect_timeout_s: float) -> None:
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=connect_timeout_s), trust_env=False, follow_redirects=False
        )
        self._closing: set[asyncio.Future[None]] = set()

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, *, within_s: float
    ) -> HttpxAnswer:
        request = self._client.build_request(method, url, headers=dict(headers), content=body)
        try:
            async with asyncio.timeout(within_s):
                return HttpxAnswer(await self._client.send(request, stream=True), self._closing)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable() from error
        except (TimeoutError, httpx.TimeoutException):
            raise silent(within_s) from None
        except httpx.HTTPError as error:
            raise broken(BROKEN_BEFORE) from error

    async def close(self) -> None:
        await asyncio.gather(*self._closing)
        await self._client.aclose()
