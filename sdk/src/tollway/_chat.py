"""`client.chat`, for both shells."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from . import _core, _transport, _wire
from ._core import ChatFields
from ._stream import AsyncChatStream, ChatStream
from ._types import ChatCompletion, Message


def _request(fields: ChatFields, *, stream: bool) -> _core.Request:
    return _core.chat_request(fields, uuid.uuid4().hex, stream=stream)


class Chat:
    """Chat completions."""

    def __init__(self, link: _transport.Link) -> None:
        self._link = link

    def complete(  # noqa: PLR0913 - the API's own fields, each by its name
        self,
        *,
        model: str,
        messages: Sequence[Message],
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, object]] | None = None,
        tool_choice: str | Mapping[str, object] | None = None,
        response_format: Mapping[str, object] | None = None,
        seed: int | None = None,
        extra_body: Mapping[str, object] | None = None,
    ) -> ChatCompletion:
        """One whole answer, once it is there.

        The fields are OpenAI's; None is not sent.  `max_tokens` bounds the answer, and what is held for it.
        `extra_body` holds fields that the SDK does not know, and is sent as it is.

        Raises:
            InsufficientCredits: the account cannot afford it.  For this and every other APIStatusError nothing was
                charged.
            APITimeoutError: no byte came for `timeout_s` seconds; it may have been charged.
            APIConnectionError: the gateway cannot be reached.
            ValueError, TypeError: the request cannot be built; nothing was sent.

        Example:
            hello = [{"role": "user", "content": "Hello"}]
            answer = client.chat.complete(model="smollm2-135m", messages=hello, max_tokens=50)
            print(answer.text, answer.cost)
        """
        fields = ChatFields(
            model=model,
            messages=messages,
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
            stop=stop,
            tools=tools,
            tool_choice=tool_choice,
            response_format=response_format,
            seed=seed,
            extra_body=extra_body,
        )
        response = self._link.send(_request(fields, stream=False))
        return _wire.completion(response.content, _transport.request_id(response))

    def stream(  # noqa: PLR0913 - see complete
        self,
        *,
        model: str,
        messages: Sequence[Message],
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, object]] | None = None,
        tool_choice: str | Mapping[str, object] | None = None,
        response_format: Mapping[str, object] | None = None,
        seed: int | None = None,
        extra_body: Mapping[str, object] | None = None,
    ) -> ChatStream:
        """An answer as it comes.  Takes what `complete` takes, and raises it here, before the first event.

        Once it has begun it is never sent again; see `ChatStream` for what iterating raises.

        Example:
            with client.chat.stream(model="smollm2-135m", messages=hello) as stream:
                for text in stream.text_deltas():
                    print(text, end="")
                print(stream.final().cost)
        """
        fields = ChatFields(
            model=model,
            messages=messages,
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
            stop=stop,
            tools=tools,
            tool_choice=tool_choice,
            response_format=response_format,
            seed=seed,
            extra_body=extra_body,
        )
        return ChatStream(self._link.send(_request(fields, stream=True), stream=True))


class AsyncChat:
    """`Chat` for asyncio."""

    def __init__(self, link: _transport.AsyncLink) -> None:
        self._link = link

    async def complete(  # noqa: PLR0913 - see Chat.complete
        self,
        *,
        model: str,
        messages: Sequence[Message],
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, object]] | None = None,
        tool_choice: str | Mapping[str, object] | None = None,
        response_format: Mapping[str, object] | None = None,
        seed: int | None = None,
        extra_body: Mapping[str, object] | None = None,
    ) -> ChatCompletion:
        """One whole answer, once it is there; takes and raises what `Chat.complete` does.

        Example: `answer = await client.chat.complete(model="smollm2-135m", messages=hello)`
        """
        fields = ChatFields(
            model=model,
            messages=messages,
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
            stop=stop,
            tools=tools,
            tool_choice=tool_choice,
            response_format=response_format,
            seed=seed,
            extra_body=extra_body,
        )
        response = await self._link.send(_request(fields, stream=False))
        return _wire.completion(response.content, _transport.request_id(response))

    def stream(  # noqa: PLR0913 - see Chat.complete
        self,
        *,
        model: str,
        messages: Sequence[Message],
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, object]] | None = None,
        tool_choice: str | Mapping[str, object] | None = None,
        response_format: Mapping[str, object] | None = None,
        seed: int | None = None,
        extra_body: Mapping[str, object] | None = None,
    ) -> AsyncChatStream:
        """An answer as it comes; takes what `Chat.complete` does, and raises it in `async with` (or `await`).

        Example:
            async with client.chat.stream(model="smollm2-135m", messages=hello) as stream:
                async for text in stream.text_deltas():
                    print(text, end="")
        """
        fields = ChatFields(
            model=model,
            messages=messages,
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
            stop=stop,
            tools=tools,
            tool_choice=tool_choice,
            response_format=response_format,
            seed=seed,
            extra_body=extra_body,
        )
        request = _request(fields, stream=True)
        return AsyncChatStream(lambda: self._link.send(request, stream=True))
