"""What is passed on without a look at each chunk is what looking at each of them gives, and the meter knows as much of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.inference.meter import Meter
from gateway.inference.respond import Responder
from gateway.inference.skim import skim
from gateway.kit import sse

Chunk = dict[str, Any]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        '{"usage":{"prompt_tokens":1}}',
        '"finish_reason":"stop"',
        "[DONE]",
        "}\n\ndata: {",
        '\\"error":{',
        "\r\n",
    ]
)
DELTAS = st.one_of(
    st.builds(lambda text: {"content": text}, TEXTS),
    st.builds(lambda text: {"content": None, "reasoning": text}, TEXTS),
    st.builds(lambda text: {"reasoning_content": text}, TEXTS),
    st.builds(lambda text: {"reasoning": text, "reasoning_content": text}, TEXTS),
    st.builds(lambda text: {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}, TEXTS),
    st.just({"role": "assistant", "content": ""}),
)
USAGES = st.none() | st.builds(
    lambda tokens, cached: {
        "prompt_tokens": 9,
        "completion_tokens": tokens,
        "prompt_tokens_details": {"cached_tokens": cached},
    },
    st.integers(0, 99),
    st.integers(0, 9),
)


@st.composite
def chunks(draw: st.DrawFn) -> list[Chunk]:
    with_usage = draw(st.booleans())
    found: list[Chunk] = []
    for delta in draw(st.lists(DELTAS, max_size=6)):
        chunk: Chunk = {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        found.append(chunk | ({"usage": draw(USAGES)} if with_usage else {}))
    if draw(st.booleans()):
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        found += [{"id": "c", "choices": [end]}, {"id": "c", "choices": [], "usage": draw(USAGES)}]
    return found


def written(found: list[Chunk], *, compact: bool) -> list[bytes]:
    separators = (",", ":") if compact else None
    return [json.dumps(chunk, separators=separators).encode() for chunk in found]


class Relayed:
    """What the client got, chunk by chunk, and what the meter knows."""

    def __init__(self) -> None:
        self.meter = Meter("vllm")
        self.responder = Responder(client="openai", worker="openai", include_usage=False)
        self.got: list[bytes] = []

    def one_by_one(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            event = self.meter.observe(payload)
            if self.meter.finished:
                self.got.append(payload)
            elif (piece := self.responder.chunk(payload, event)) is not None:
                self.got += sse.payloads(piece)

    def together(self, events: bytes) -> None:
        while not self.meter.finished and (found := skim(events)) is not None:
            self.meter.skimmed(found)
            self.got += sse.payloads(self.responder.skimmed(found))
            events = found.rest
        self.one_by_one(sse.payloads(events))

    @property
    def known(self) -> object:
        meter = self.meter
        reasoning = meter.heard[1]
        return meter.usage, meter.final_usage, meter.reasoning_deltas, meter.finish_reason, reasoning


@given(chunks(), st.booleans(), st.data())
def test_it_is_the_same_as_looking_at_each(found: list[Chunk], compact: bool, data: st.DataObject) -> None:
    payloads = written(found, compact=compact)
    each, skimmed = Relayed(), Relayed()
    each.one_by_one(payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(payloads)), max_size=3)))
    for begin, end in zip([0, *cuts], [*cuts, len(payloads)], strict=True):
        skimmed.together(b"".join(map(sse.encode, payloads[begin:end])))
    assert [json.loads(payload) for payload in skimmed.got] == [json.loads(payload) for payload in each.got]
    assert skimmed.known == each.known
    assert skimmed.meter.deltas == each.meter.deltas


def test_sixty_four_chunks_with_usage_are_one_piece() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    delta = {"index": 0, "delta": {"content": "a"}, "finish_reason": None}
    events = b"".join(map(sse.encode, written([{"choices": [delta], "usage": usage}] * 64, compact=True)))
    found = skim(events + b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    assert found is not None
    assert (found.count, b"usage" in found.events) == (64, False)
    assert found.rest.startswith(b'data: {"choices":[{"delta":{},')


EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'


@pytest.mark.parametrize(
    "events",
    [
        b": a comment\n\n" + EVENT,
        EVENT.replace(b":[", b":\ndata: ["),
        b"data: nonsense\n\n",
        b'data: {"error":{"message":"no"}}\n\n',
        EVENT.replace(b'"a"', b'""'),
        EVENT.replace(b'"a"', b'"a\xff"').replace(b"content", b"reasoning"),
        EVENT.replace(b"null", b'"stop"'),
        EVENT.replace(b':"a"', b':"a","reasoning":"b"'),
        EVENT.replace(b"]}", b'],"more":1}'),
        EVENT.replace(b"]}", b'],"usage":{"prompt_tokens":-1}}'),
        EVENT.replace(b"]}", b'],"usage":{"prompt_tokens":1}}') + EVENT,
        b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n',
    ],
)
def test_what_is_not_known_is_left_to_be_decoded(events: bytes) -> None:
    assert skim(events) is None
