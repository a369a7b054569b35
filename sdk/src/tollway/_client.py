"""`Tollway` and `AsyncTollway`: thin shells over `_core` (what to send) and `_transport` (sending it)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote, urlencode

from . import _core, _transport
from ._core import Request
from ._errors import TollwayError
from ._stream import AsyncChatStream, ChatStream
from ._transport import Profile
from ._types import ChatCompletion, Credits, Message, Model, Receipt, UsageRow

DEFAULT_BASE_URL = "http://127.0.0.1:8080"
GroupBy = Literal["key", "model", "day"]


def _profile(api_key: str | None, base_url: str | None, timeout_s: float, max_retries: int) -> Profile:
    key = api_key or os.environ.get("TOLLWAY_API_KEY")
    if not key:
        raise TollwayError("no API key: pass api_key='tw_…', or set TOLLWAY_API_KEY")
    url = base_url or os.environ.get("TOLLWAY_BASE_URL") or DEFAULT_BASE_URL
    return Profile(key, url.rstrip("/").removesuffix("/v1"), timeout_s, max_retries)


def _chat_request(options: dict[str, Any]) -> Request:
    extra = options.pop("extra_body", None)
    return _core.chat_request(options, extra, uuid.uuid4().hex)


def _stream_request(options: dict[str, Any]) -> Request:
    return _chat_request(options | {"stream": True, "stream_options": {"include_usage": True}})


def _usage_request(group_by: GroupBy, since: str | None, until: str | None) -> Request:
    query = {"group_by": group_by, "since": since, "until": until}
    return Request("GET", "/v1/usage?" + urlencode({name: value for name, value in query.items() if value}))


def _receipt_request(request_id: str) -> Request:
    return Request("GET", f"/v1/receipts/{quote(request_id, safe='')}")


class Tollway:
    """The client.  Close it, or use it in `with`.

    Args:
        api_key: `tw_…`; else `TOLLWAY_API_KEY`.
        base_url: else `TOLLWAY_BASE_URL`, else http://127.0.0.1:8080.  A trailing `/v1` is ignored.
        timeout_s: seconds without a byte before `APITimeoutError`.
        max_retries: after connection errors, 408, 409, 429 and 5xx, unless the gateway says not to.

    Raises:
        TollwayError: there is no API key.

    Example:
        with tollway.Tollway() as client:
            print(client.chat.complete(model="smollm2-135m", messages=[…]).cost)
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout_s: float = 600.0,
        max_retries: int = 2,
        http_client: _transport.HttpClient | None = None,
    ) -> None:
        self._profile = _profile(api_key, base_url, timeout_s, max_retries)
        self._http = http_client or _transport.HttpClient()
        self.chat = Chat(self)
        self.models = Models(self)
        self.credits = CreditsOf(self)
        self.receipts = Receipts(self)
        self.usage = UsageOf(self)

    def __enter__(self) -> Tollway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _send(self, request: Request, *, stream: bool = False) -> _transport.Response:
        return _transport.send(self._http, self._profile, request, stream=stream)


class _Resource:
    def __init__(self, client: Tollway) -> None:
        self._client = client


class Chat(_Resource):
    def complete(self, *, model: str, messages: Sequence[Message], **options: Any) -> ChatCompletion:
        """One whole answer.  `options` are the API's own fields (`max_tokens`, `temperature`, `tools`, …) and
        `extra_body`, a mapping that is sent as it is.

        Raises:
            InsufficientCredits, BadRequest, NotFound, ServerError, …: see `_errors`; nothing was charged.

        Example:
            client.chat.complete(model="smollm2-135m", messages=[{"role": "user", "content": "Hi"}], max_tokens=50)
        """
        response = self._client._send(_chat_request({"model": model, "messages": messages, **options}))
        return _core.completion(response.content, _transport.request_id(response))

    def stream(self, *, model: str, messages: Sequence[Message], **options: Any) -> ChatStream:
        """An answer as it comes; takes what `complete` takes, and raises it too.

        Example:
            with client.chat.stream(model="smollm2-135m", messages=[…]) as stream:
                for text in stream.text_deltas():
                    print(text, end="")
        """
        request = _stream_request({"model": model, "messages": messages, **options})
        return ChatStream(self._client._send(request, stream=True))


class Models(_Resource):
    def list(self) -> list[Model]:
        """Models that have a price and a worker, with their prices in nano-dollars per million tokens."""
        return _core.read_list(self._client._send(Request("GET", "/v1/models")).content, Model)


class CreditsOf(_Resource):
    def get(self) -> Credits:
        """The account's balance, in nano-dollars, and its grants."""
        return _core.read(self._client._send(Request("GET", "/v1/credits")).content, Credits)


class Receipts(_Resource):
    def get(self, request_id: str) -> Receipt:
        """The bill of one request, by its `request_id`.  Raises NotFound."""
        return _core.read(self._client._send(_receipt_request(request_id)).content, Receipt)


class UsageOf(_Resource):
    def list(
        self, *, group_by: GroupBy = "key", since: str | None = None, until: str | None = None
    ) -> list[UsageRow]:
        """Sums of tokens and money by key, model or day (UTC) in [since, until): RFC 3339 instants."""
        return _core.read_list(self._client._send(_usage_request(group_by, since, until)).content, UsageRow)


class AsyncTollway:
    """`Tollway` for asyncio: the same methods, as coroutines.

    Example:
        async with tollway.AsyncTollway() as client:
            answer = await client.chat.complete(model="smollm2-135m", messages=[…])
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout_s: float = 600.0,
        max_retries: int = 2,
        http_client: _transport.AsyncHttpClient | None = None,
    ) -> None:
        self._profile = _profile(api_key, base_url, timeout_s, max_retries)
        self._http = http_client or _transport.AsyncHttpClient()
        self.chat = AsyncChat(self)
        self.models = AsyncModels(self)
        self.credits = AsyncCreditsOf(self)
        self.receipts = AsyncReceipts(self)
        self.usage = AsyncUsageOf(self)

    async def __aenter__(self) -> AsyncTollway:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _send(self, request: Request, *, stream: bool = False) -> _transport.Response:
        return await _transport.send_async(self._http, self._profile, request, stream=stream)


class _AsyncResource:
    def __init__(self, client: AsyncTollway) -> None:
        self._client = client


class AsyncChat(_AsyncResource):
    async def complete(self, *, model: str, messages: Sequence[Message], **options: Any) -> ChatCompletion:
        """`Chat.complete`."""
        response = await self._client._send(_chat_request({"model": model, "messages": messages, **options}))
        return _core.completion(response.content, _transport.request_id(response))

    async def stream(self, *, model: str, messages: Sequence[Message], **options: Any) -> AsyncChatStream:
        """`Chat.stream`: `async with await client.chat.stream(…) as stream: async for event in stream: …`"""
        request = _stream_request({"model": model, "messages": messages, **options})
        return AsyncChatStream(await self._client._send(request, stream=True))


class AsyncModels(_AsyncResource):
    async def list(self) -> list[Model]:
        """`Models.list`."""
        return _core.read_list((await self._client._send(Request("GET", "/v1/models"))).content, Model)


class AsyncCreditsOf(_AsyncResource):
    async def get(self) -> Credits:
        """`CreditsOf.get`."""
        return _core.read((await self._client._send(Request("GET", "/v1/credits"))).content, Credits)


class AsyncReceipts(_AsyncResource):
    async def get(self, request_id: str) -> Receipt:
        """`Receipts.get`."""
        return _core.read((await self._client._send(_receipt_request(request_id))).content, Receipt)


class AsyncUsageOf(_AsyncResource):
    async def list(
        self, *, group_by: GroupBy = "key", since: str | None = None, until: str | None = None
    ) -> list[UsageRow]:
        """`UsageOf.list`."""
        response = await self._client._send(_usage_request(group_by, since, until))
        return _core.read_list(response.content, UsageRow)
