"""`client.fim` and `client.embeddings`, for both shells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollway._core import ask
from tollway._core.fields import EmbeddingsFields, FimFields
from tollway._shells.stream import AsyncChatStream, ChatStream
from tollway._shells.transport import AsyncLink, Link
from tollway._types.chat import ChatCompletion
from tollway._types.texts import Embeddings as Vectors

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Fim:
    """Fill in the middle: code between a `prompt` and a `suffix`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def complete(self, **fields: Unpack[FimFields]) -> ChatCompletion:
        """What goes between, whole.  Takes Mistral's fields; raises what `Chat.complete` does.

        Example: `client.fim.complete(model="codestral-2508", prompt="def toll(axles):", suffix="return dollars").text`
        """
        return self._link.spend(fields, ask.fim)

    def stream(self, **fields: Unpack[FimFields]) -> ChatStream:
        """What goes between, as it comes.  Takes what `complete` takes, and raises it here, before the first event.

        Example:
            with client.fim.stream(model="codestral-2508", prompt="def toll(axles):") as stream:
                print("".join(stream.text_deltas()))
        """
        return ChatStream._begin(self._link, fields, ask.streamed_fim)


class Embeddings:
    """Vectors of texts."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def create(self, **fields: Unpack[EmbeddingsFields]) -> Vectors:
        """A vector for each input (at most 2,048), in its order.  Raises what `Chat.complete` does.

        Example: `client.embeddings.create(model="mistral-embed-2312", input=["toll", "road"]).vectors`
        """
        return self._link.spend(fields, ask.embeddings)


class AsyncFim:
    """`Fim` for asyncio."""

    def __init__(self, link: AsyncLink) -> None:
        self._link = link

    async def complete(self, **fields: Unpack[FimFields]) -> ChatCompletion:
        """`Fim.complete`, as a coroutine: `await client.fim.complete(model="codestral-2508", prompt="def toll(")`."""
        return await self._link.spend(fields, ask.fim)

    def stream(self, **fields: Unpack[FimFields]) -> AsyncChatStream:
        """`Fim.stream`: `async with client.fim.stream(model="codestral-2508", prompt="def toll(") as stream: await stream.final()`."""
        return AsyncChatStream(self._link, fields, ask.streamed_fim)


class AsyncEmbeddings:
    """`Embeddings` for asyncio."""

    def __init__(self, link: AsyncLink) -> None:
        self._link = link

    async def create(self, **fields: Unpack[EmbeddingsFields]) -> Vectors:
        """`Embeddings.create`, as a coroutine: `await client.embeddings.create(model="mistral-embed-2312", input="toll")`."""
        return await self._link.spend(fields, ask.embeddings)
