"""What the client gets, in its dialect.  Bytes are passed on as they came wherever both sides speak alike.

A stream's tail (the chunk with the finish reason and whatever follows) is kept back until the bill is durable,
so that no client sees a completed answer that is not billed, or a bill that is not the real one.
"""

import re
from typing import Any

import msgspec

from gateway.errors import WorkerFailed
from gateway.inference import encode_mistral, encode_openai
from gateway.inference.decode import decode
from gateway.inference.events import Delta, Dialect, Event
from gateway.inference.skim import Skimmed
from gateway.kit import sse

_encoder = msgspec.json.Encoder()
_REASONING = re.compile(rb'"reasoning(?:_content)?"\s*:\s*("(?:[^"\\]|\\.)*")')
_REASONING_KEY = re.compile(rb'"(reasoning(?:_content)?)"\s*:')
_NULL_USAGE = re.compile(rb'"usage"\s*:\s*null\s*,|,\s*"usage"\s*:\s*null')
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Responder:
    """One answer's encoder: `chunk` for each piece, then `tail` once the bill is known; or `whole`."""

    def __init__(self, *, client: Dialect, worker: Dialect, include_usage: bool) -> None:
        self._client = client
        self._alike = client == worker
        self._named = name_reasoning_twice if client == "openai" else leave_out_null_usage
        """Passed on between two that speak alike, but for two words that some of their clients trip over."""
        self.passes_on = self._alike and client == "openai"
        """Whether the worker's chunks are what the client gets: those that `skim` finds need not be decoded."""
        self._include_usage = include_usage
        self._tail: list[bytes] = []
        self._last = b""
        self._notice = b""

    def keep_back(self, payload: bytes) -> None:
        self._tail.append(payload)

    def skimmed(self, found: Skimmed) -> bytes:
        """Several pieces at once."""
        events = found.events
        self._last = events[events.rfind(b"data: ") + 6 :]
        return name_reasoning_twice(events) if found.reasoning else events

    def chunk(self, payload: bytes, event: Event) -> bytes | None:
        """One piece as an SSE event; None when there is nothing in it for the client."""
        self._last = payload
        if self._alike:
            if event.usage is None:
                return sse.encode(self._named(payload))
            return _without_usage(self._named(payload)) if event.deltas else None
        if not event.deltas:
            return None
        encode = encode_openai.encode_chunk if self._client == "openai" else encode_mistral.encode_chunk
        return sse.encode(encode(event))

    def cut_short(self) -> None:
        """The answer ends here, properly, although the worker had more to say: credit ran out."""
        last = decode(self._last)
        end = Event(
            id=last.id, created=last.created, model=last.model, deltas=(Delta(finish_reason="length"),)
        )
        self._tail = [encode_mistral.encode_chunk(end)]  # which OpenAI's clients read as well
        self._notice = sse.comment("the answer was cut short because the account's credit ran out")

    def tail(self, usage: dict[str, Any]) -> bytes:
        """What was kept back, the usage where this client expects it, and `[DONE]`."""
        out = self._mistral_tail(usage) if self._client == "mistral" else self._openai_tail(usage)
        return self._notice + b"".join(out) + sse.encode(sse.DONE)

    def _openai_tail(self, usage: dict[str, Any]) -> list[bytes]:
        events = [decode(payload) for payload in self._tail]
        out = [self.chunk(payload, event) for payload, event in zip(self._tail, events, strict=True)]
        if self._include_usage:
            out.append(sse.encode(encode_openai.encode_usage(events[-1], usage)))
        return [piece for piece in out if piece is not None]

    def _mistral_tail(self, usage: dict[str, Any]) -> list[bytes]:
        """`usage` belongs on the last chunk that has choices."""
        kept = [(payload, event) for payload in self._tail if (event := decode(payload)).deltas]
        *before, (payload, event) = kept
        out = [self.chunk(*pair) for pair in before]
        last = _with_usage(payload, usage) if self._alike else encode_mistral.encode_chunk(event, usage)
        return [piece for piece in out if piece is not None] + [sse.encode(last)]

    def read(self, body: bytes) -> Event:
        """A complete answer.  Raises WorkerFailed: it is none."""
        event = decode(body)
        if not event.deltas:
            raise WorkerFailed("the worker's answer has no choices; nothing was charged", work_started=True)
        return event

    def whole(self, body: bytes, event: Event, usage: dict[str, Any]) -> bytes:
        """A complete answer with its bill."""
        if self._alike:
            return _with_usage(self._named(body), usage)
        encode = encode_openai.encode_whole if self._client == "openai" else encode_mistral.encode_whole
        return encode(event, usage)


def name_reasoning_twice(payload: bytes) -> bytes:
    """VLLM says `reasoning`, llama.cpp and DeepSeek `reasoning_content`; clients look for either.

    A key is followed by a colon and no string's inside is: in there every quote is escaped.
    """
    if b'"reasoning' not in payload or len({*_REASONING_KEY.findall(payload)}) == 2:
        return payload
    return _REASONING.sub(rb'"reasoning":\1,"reasoning_content":\1', payload)


def leave_out_null_usage(payload: bytes) -> bytes:
    """`"usage": null` breaks Mistral's JavaScript client; left out it breaks nobody."""
    return _NULL_USAGE.sub(b"", payload)


def _without_usage(payload: bytes) -> bytes:
    """The usage that we asked the worker for and the client did not."""
    fields = _fields.decode(payload)
    fields.pop("usage", None)
    fields.pop("timings", None)
    return sse.encode(_encoder.encode(fields))


def _with_usage(body: bytes, usage: dict[str, Any]) -> bytes:
    fields: dict[str, Any] = {**_fields.decode(body)}
    return _encoder.encode(fields | {"usage": usage})
