"""`client.chat`, for both shells."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tollway._core import ask
from tollway._core.fields import ChatFields
from tollway._shells.stream import AsyncChatStream, ChatStream
from tollway._shells.transport import AsyncLink, Link
from tollway._types.chat import ChatCompletion, Parsed

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")


class Chat:
    """Chat completions."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def complete(self, **fields: Unpack[ChatFields]) -> ChatCompletion:
        """One whole answer, once it is there.

        Takes OpenAI's fields: `model`, `messages` (or a text), `max_tokens`, `temperature`, `tools`, …; `max_cost_usd`
        (US dollars), `timeout_s` (seconds); and what the SDK does not know in `extra_body`.

        Raises:
            InsufficientCredits, BudgetExceeded, ContextTooLong, RateLimited, or another APIStatusError: the gateway
                refused; nothing was charged.
            APITimeoutError: no byte came for `timeout_s` seconds; it may have been charged.
            APIConnectionError: the gateway cannot be reached.
            TypeError, ValueError: the request cannot be built; nothing was sent.

        Example:
            answer = client.chat.complete(model="magistral-small-2509", messages="Hello", max_tokens=50)
            print(answer.text, answer.cost)
        """
        return self._link.spend(fields, ask.chat)

    def stream(self, **fields: Unpack[ChatFields]) -> ChatStream:
        """An answer as it comes.  Takes what `complete` takes, and raises it here, before the first event.

        Once it has begun it is never sent again; see `ChatStream` for what iterating raises.

        Example:
            with client.chat.stream(model="magistral-small-2509", messages="Hello") as stream:
                for text in stream.text_deltas():
                    print(text, end="")
                print(stream.final().cost)
        """
        return ChatStream._begin(self._link, fields, ask.streamed_chat)

    def parse(self, kind: type[T], **fields: Unpack[ChatFields]) -> Parsed[T]:
        """One whole answer, held to be a value of a dataclass, msgspec struct, TypedDict or pydantic model.

        Takes and raises what `complete` does, and
            InvalidOutput: the answer is no such value; it was charged.
            TypeError: the type has no JSON schema.

        Example:
            @dataclass
            class Toll:
                road: str
                cents: int

            toll = client.chat.parse(Toll, model="magistral-small-2509", messages="The A1 costs 4.20.")
            print(toll.value.cents, toll.cost)
        """
        return self._link.spend(fields, lambda given: ask.parsed_chat(kind, given))


class AsyncChat:
    """`Chat` for asyncio."""

    def __init__(self, link: AsyncLink) -> None:
        self._link = link

    async def complete(self, **fields: Unpack[ChatFields]) -> ChatCompletion:
        """One whole answer, once it is there; takes and raises what `Chat.complete` does.

        Example: `answer = await client.chat.complete(model="magistral-small-2509", messages="Hello")`
        """
        return await self._link.spend(fields, ask.chat)

    def stream(self, **fields: Unpack[ChatFields]) -> AsyncChatStream:
        """`Chat.stream`, whose errors are raised in `async with` (or `await`).

        Example:
            async with client.chat.stream(model="magistral-small-2509", messages="Hello") as stream:
                async for text in stream.text_deltas():
                    print(text, end="")
        """
        return AsyncChatStream(self._link, fields, ask.streamed_chat)

    async def parse(self, kind: type[T], **fields: Unpack[ChatFields]) -> Parsed[T]:
        """`Chat.parse`, as a coroutine: `await client.chat.parse(Toll, model="magistral-small-2509", messages=page)`."""
        return await self._link.spend(fields, lambda given: ask.parsed_chat(kind, given))
