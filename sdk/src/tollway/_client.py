"""`Tollway` and `AsyncTollway`: thin shells over `_core` (what to send), `_transport` (sending) and `_wire` (reading)."""

from __future__ import annotations

import os

from . import _core, _transport, _wire
from ._chat import AsyncChat, Chat
from ._types import Credits, GroupBy, Model, Receipt, UsageRow


class Tollway:
    """The client.  Close it, or use it in `with`.  Threads may share one.

    Args:
        api_key: `tw_…`; else `TOLLWAY_API_KEY`.
        base_url: else `TOLLWAY_BASE_URL`, else http://127.0.0.1:8080.  A trailing `/v1` is ignored.
        timeout_s: seconds without a byte before `APITimeoutError`; connecting gets at most ten of them.
        max_retries: tries after the first where no work was begun: connections refused, 408, 409, 429 and 5xx, unless
            the gateway forbids it.
        http_client: an `httpx.Client` of yours, for proxies or certificates.  It stays yours to close.

    Raises:
        TollwayError: there is no API key, or one that cannot be sent.

    Example:
        with tollway.Tollway() as client:
            print(client.credits.get().available)
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_s: float = 600.0,
        max_retries: int = 2,
        http_client: _transport.HttpClient | None = None,
    ) -> None:
        account = _core.account(api_key, base_url, os.environ)
        self._link = _transport.Link(account, timeout_s, max_retries, http_client)
        self.chat = Chat(self._link)
        self.models = Models(self._link)
        self.credits = CreditsOf(self._link)
        self.receipts = Receipts(self._link)
        self.usage = UsageOf(self._link)

    def __enter__(self) -> Tollway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections, unless they belong to an `http_client` of yours."""
        self._link.close()


class _Resource:
    def __init__(self, link: _transport.Link) -> None:
        self._link = link

    def _get(self, request: _core.Request) -> tuple[bytes, str]:
        response = self._link.send(request)
        return response.content, _transport.request_id(response)


class Models(_Resource):
    def list(self) -> list[Model]:
        """Models that have a price, with their prices in nano-dollars per million tokens.

        Raises:
            AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `print([model.id for model in client.models.list()])`
        """
        body, request_id = self._get(_core.models_request())
        return _wire.read_list(body, Model, request_id)


class CreditsOf(_Resource):
    def get(self) -> Credits:
        """The account's balance and its grants, in nano-dollars.

        Raises:
            AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `print(client.credits.get().available)` prints `$4.999953800`.
        """
        body, request_id = self._get(_core.credits_request())
        return _wire.read(body, Credits, request_id)


class Receipts(_Resource):
    def get(self, request_id: str) -> Receipt:
        """The bill of one request, line by line, in nano-dollars.

        Raises:
            NotFound: no such request, or not this account's.
            AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `client.receipts.get(answer.request_id).cost == answer.cost`
        """
        body, own_id = self._get(_core.receipt_request(request_id))
        return _wire.read(body, Receipt, own_id)


class UsageOf(_Resource):
    def list(
        self, group_by: GroupBy = "key", since: str | None = None, until: str | None = None
    ) -> list[UsageRow]:
        """Sums of tokens and of nano-dollars by key, model or day (UTC), of requests in [since, until).

        `since` and `until` are RFC 3339 instants; None is without bound.

        Raises:
            BadRequest: an instant cannot be read.
            AuthenticationFailed, APIConnectionError, or another of the error tree.

        Example: `client.usage.list(group_by="day", since="2026-11-01T00:00:00Z")`
        """
        body, request_id = self._get(_core.usage_request(group_by, since, until))
        return _wire.read_list(body, UsageRow, request_id)


class AsyncTollway:
    """`Tollway` for asyncio: the same arguments, and the same methods as coroutines.

    Example:
        async with tollway.AsyncTollway() as client:
            print((await client.credits.get()).available)
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_s: float = 600.0,
        max_retries: int = 2,
        http_client: _transport.AsyncHttpClient | None = None,
    ) -> None:
        account = _core.account(api_key, base_url, os.environ)
        self._link = _transport.AsyncLink(account, timeout_s, max_retries, http_client)
        self.chat = AsyncChat(self._link)
        self.models = AsyncModels(self._link)
        self.credits = AsyncCreditsOf(self._link)
        self.receipts = AsyncReceipts(self._link)
        self.usage = AsyncUsageOf(self._link)

    async def __aenter__(self) -> AsyncTollway:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections, unless they belong to an `http_client` of yours."""
        await self._link.close()


class _AsyncResource:
    def __init__(self, link: _transport.AsyncLink) -> None:
        self._link = link

    async def _get(self, request: _core.Request) -> tuple[bytes, str]:
        response = await self._link.send(request)
        return response.content, _transport.request_id(response)


class AsyncModels(_AsyncResource):
    async def list(self) -> list[Model]:
        """`Models.list`, as a coroutine: `await client.models.list()`."""
        body, request_id = await self._get(_core.models_request())
        return _wire.read_list(body, Model, request_id)


class AsyncCreditsOf(_AsyncResource):
    async def get(self) -> Credits:
        """`CreditsOf.get`, as a coroutine: `await client.credits.get()`."""
        body, request_id = await self._get(_core.credits_request())
        return _wire.read(body, Credits, request_id)


class AsyncReceipts(_AsyncResource):
    async def get(self, request_id: str) -> Receipt:
        """`Receipts.get`, as a coroutine: `await client.receipts.get(answer.request_id)`."""
        body, own_id = await self._get(_core.receipt_request(request_id))
        return _wire.read(body, Receipt, own_id)


class AsyncUsageOf(_AsyncResource):
    async def list(
        self, group_by: GroupBy = "key", since: str | None = None, until: str | None = None
    ) -> list[UsageRow]:
        """`UsageOf.list`, as a coroutine: `await client.usage.list(group_by="model")`."""
        body, request_id = await self._get(_core.usage_request(group_by, since, until))
        return _wire.read_list(body, UsageRow, request_id)
