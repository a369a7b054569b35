"""Streams: the bytes, the events, the whole answer, and every way to end."""

import itertools
import json
from typing import Any

import httpx
import pytest
import tollway
from hypothesis import given
from hypothesis import strategies as st
from tollway import Finished, Money, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from tollway._core.assembly import SSE, Assembly

from tests.sdk.shells import Pieces, Shell

ANSWER = {"id": "c", "model": "m", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
          "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost_nanousd": 800}}  # fmt: skip
HEAD = {"x-request-id": "req_1"}
DONE = b"data: [DONE]\n\n"
BILL = (
    b'data: {"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"cost_nanousd":180,'
    b'"credits_remaining_usd":"4.999999820",\r\n'
    b'data: "prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":1}}}\r\n\r\n'
)
ERROR = b'data: {"error": {"message": "gone", "type": "upstream_error", "code": "worker_failed"}}\n\n'


def chunk(delta: dict[str, Any], reason: str | None = None, end: str = "\r\n\r\n") -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": reason, "new": None}]
    body = {"id": "c", "model": "m", "choices": choices, "new": {"unknown": 1}}
    return f"data: {json.dumps(body, ensure_ascii=False)}{end}".encode()


def whole_stream(*, bare_cr: bool = False) -> bytes:
    """Everything a stream can hold, with each kind of line end."""
    end = "\r\r" if bare_cr else "\n\n"
    return b"".join(
        [
            b": keepalive\n\n",
            chunk({"role": "assistant", "content": None, "tool_calls": None}),
            b"event: chunk\nid: 7\nretry: 5\n" + chunk({"reasoning": "hm"}),
            chunk({"reasoning_content": "m"}, end=end),
            chunk({"content": "héllo "}),
            b": keepalive\r\n\r\n",
            chunk({"content": [{"type": "text", "text": "🌍"}, {"type": "thing", "thing": 1}]}, end=end),
            chunk({"tool_calls": [{"index": 1, "id": "t2", "function": {"name": "g", "arguments": ""}}]}),
            chunk({"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "f", "arguments": '{"a"'}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}, {"index": 1, "id": None}]}),
            chunk({}, "tool_calls"),
            BILL,
            DONE,
        ]
    )


EVENTS = [
    ReasoningDelta("hm"),
    ReasoningDelta("m"),
    TextDelta("héllo "),
    TextDelta("🌍"),
    ToolCallDelta(1, "t2", "g", ""),
    ToolCallDelta(0, "t1", "f", '{"a"'),
    ToolCallDelta(0, None, None, ":1}"),
    ToolCallDelta(1, None, None, ""),
    Finished("tool_calls"),
]


def check(answer: tollway.ChatCompletion) -> None:
    assert (answer.id, answer.model, answer.request_id) == ("c", "m", "req_1")
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("héllo 🌍", "hmm", "tool_calls")
    assert answer.tool_calls == (tollway.ToolCall("t1", "f", '{"a":1}'), tollway.ToolCall("t2", "g", ""))
    assert answer.cost == Money(180)
    assert (answer.usage.cached_tokens, answer.usage.reasoning_tokens) == (1, 1)
    assert answer.usage.credits_remaining_usd == "4.999999820"


@pytest.mark.parametrize("bare_cr", [False, True])
@given(data=st.data())
def test_a_stream_reads_the_same_wherever_it_is_cut(data: st.DataObject, bare_cr: bool) -> None:
    stream = whole_stream(bare_cr=bare_cr)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    edges = [0, *sorted(cuts), len(stream)]
    assembly = Assembly("req_1")
    events = [event for a, b in itertools.pairwise(edges) for event in assembly.feed(stream[a:b])]
    assert events[:-1] == EVENTS
    assert isinstance(events[-1], Usage)
    check(assembly.final())


def test_a_stream_reads_the_same_byte_by_byte() -> None:
    assembly = Assembly("req_1")
    events = [event for byte in whole_stream() for event in assembly.feed(bytes([byte]))]
    assert events[:-1] == EVENTS
    check(assembly.final())


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"data: a", b"data:b", b"data", b": c", b"x: d", "é".encode()])), st.data())  # fmt: skip
def test_any_lines_read_the_same_wherever_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(lines)
    edges = [0, *sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6))), len(stream)]
    cut, whole = SSE(), SSE()
    payloads = [payload for a, b in itertools.pairwise(edges) for payload in cut.feed(stream[a:b])]
    assert payloads == whole.feed(stream)


@pytest.mark.parametrize(
    ("stream", "payloads"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data:a\r\n\r\n", [b"a"]),
        (b"data: a\r\r", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b": keepalive\n\ndata: a\n\n", [b"a"]),
        (b"data: a\n: in between\ndata: b\n\n", [b"a\nb"]),
        (b"event: e\nid: 1\ndata: a\n\n", [b"a"]),
        (b"data:\n\n\n\n", []),
        (b"data: unfinished\n", []),
    ],
)
def test_lines_become_payloads(stream: bytes, payloads: list[bytes]) -> None:
    assert SSE().feed(stream) == payloads


def test_events_and_the_whole_answer(shell: Shell) -> None:
    body = whole_stream()
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]

    def gateway(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        assert (asked["stream"], asked["stream_options"]) == (True, {"include_usage": True})
        return httpx.Response(200, stream=Pieces(*pieces), headers=HEAD)

    events, error = shell.read(gateway)
    assert error is None
    assert events[:-1] == EVENTS
    check(shell.final(gateway))


def test_final_reads_only_what_is_left() -> None:
    http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, content=whole_stream(), headers=HEAD))
    )
    client = tollway.Tollway("tw_k", "http://gw", http_client=http)
    with client.chat.stream(model="m", messages=[]) as stream:
        assert stream.request_id == "req_1"
        assert next(stream.text_deltas()) == "héllo "
        check(stream.final())
        check(stream.final())
        assert list(stream) == []


TEXT, STOP = chunk({"content": "ha"}), chunk({}, "stop")


@pytest.mark.parametrize(
    ("pieces", "broken"),
    [
        ((TEXT,), None),
        ((TEXT, DONE), None),
        ((TEXT, STOP), None),
        ((TEXT, STOP, BILL), None),
        ((TEXT, STOP, BILL, DONE[:-1]), None),
        ((TEXT,), httpx.ReadError("cut")),
        ((TEXT, STOP), httpx.RemoteProtocolError("cut")),
        ((TEXT, b"data: {nonsense\n\n", STOP, DONE), None),
        ((TEXT, b'data: {"choices": 5}\n\n', STOP, DONE), None),
    ],
)
def test_a_stream_that_ends_early_says_so(
    shell: Shell, pieces: tuple[bytes, ...], broken: Exception | None
) -> None:
    body = Pieces(*pieces, broken=broken)
    events, error = shell.read(lambda _: httpx.Response(200, stream=body, headers=HEAD))
    assert events[0] == TextDelta("ha")
    assert type(error) is tollway.StreamInterrupted
    assert error.request_id == "req_1"
    assert body.closed


def test_silence_inside_a_stream_is_a_timeout_and_never_tried_again(
    shell: Shell, pauses: list[float]
) -> None:
    body = Pieces(TEXT, broken=httpx.ReadTimeout("silent"))
    events, error = shell.read(lambda _: httpx.Response(200, stream=body, headers=HEAD))
    assert events == [TextDelta("ha")]
    assert type(error) is tollway.APITimeoutError
    assert pauses == []


def test_what_follows_done_does_not_matter(shell: Shell) -> None:
    body = Pieces(whole_stream(), broken=httpx.ReadError("the server was in a hurry"))
    check(shell.final(lambda _: httpx.Response(200, stream=body, headers=HEAD)))


@pytest.mark.parametrize("pieces", [(TEXT, ERROR), (TEXT + ERROR,)])
def test_an_error_inside_a_stream_is_raised_after_what_came_before(
    shell: Shell, pieces: tuple[bytes, ...]
) -> None:
    body = Pieces(*pieces)
    events, error = shell.read(lambda _: httpx.Response(200, stream=body, headers=HEAD))
    assert events == [TextDelta("ha")]
    assert type(error) is tollway.ServerError
    assert (error.code, error.request_id, error.message) == ("worker_failed", "req_1", "gone")
    assert body.closed


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (
            {"type": "insufficient_quota", "needed_nanousd": 5, "available_nanousd": 2},
            tollway.InsufficientCredits,
        ),
        ({"type": "invalid_request_error"}, tollway.BadRequest),
        ({"code": 429}, tollway.RateLimited),
        ({"code": 7}, tollway.ServerError),
        ({}, tollway.ServerError),
    ],
)
def test_an_error_inside_a_stream_has_its_class(fields: dict[str, Any], kind: type[Exception]) -> None:
    event = f"data: {json.dumps({'error': {'message': 'no', **fields}})}\n\n".encode()
    with pytest.raises(tollway.APIStatusError) as caught:
        list(Assembly("req_1").feed(event))
    assert type(caught.value) is kind
    if isinstance(caught.value, tollway.InsufficientCredits):
        assert (caught.value.needed, caught.value.available) == (Money(5), Money(2))


def test_leaving_early_lets_the_connection_go(shell: Shell) -> None:
    body = Pieces(TEXT, TEXT, TEXT, STOP, BILL, DONE)
    events, error = shell.read(lambda _: httpx.Response(200, stream=body, headers=HEAD), events_max=2)
    assert (events, error) == ([TextDelta("ha")] * 2, None)
    assert body.closed


def test_a_closed_stream_has_no_final() -> None:
    http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=Pieces(TEXT, STOP, DONE)))
    )
    stream = tollway.Tollway("tw_k", "http://gw", http_client=http).chat.stream(model="m", messages=[])
    stream.close()
    with pytest.raises(tollway.StreamInterrupted):
        stream.final()


def test_a_stream_without_a_bill_is_not_free() -> None:
    assembly = Assembly("req_1")
    assert len(list(assembly.feed(TEXT + STOP + DONE))) == 2
    with pytest.raises(tollway.TollwayError, match="cost"):
        assembly.final().cost  # noqa: B018


def test_a_refused_stream_is_tried_again_before_its_first_byte(shell: Shell, pauses: list[float]) -> None:
    answers = [
        httpx.Response(503, stream=Pieces(b"later")),
        httpx.Response(200, content=whole_stream(), headers=HEAD),
    ]
    check(shell.final(lambda _: answers.pop(0)))
    assert pauses == [0.5]


def test_a_refused_stream_has_its_reason(shell: Shell) -> None:
    body = Pieces(b'{"error": {"message": "broke", "available_nanousd": 7}}')
    events, error = shell.read(lambda _: httpx.Response(402, stream=body))
    assert events == []
    assert isinstance(error, tollway.InsufficientCredits)
    assert (error.message, error.available, error.needed) == ("broke", Money(7), None)
    assert body.closed


async def _awaited(client: tollway.AsyncTollway) -> tollway.ChatCompletion:
    async with await client.chat.stream(model="m", messages=[]) as stream:
        assert stream.request_id == "req_1"
        assert [text async for text in stream.text_deltas()] == ["héllo ", "🌍"]
        return await stream.final()


def test_an_async_stream_may_be_awaited_and_asks_once() -> None:
    asked: list[httpx.Request] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=whole_stream(), headers=HEAD)

    check(Shell("async").ask(gateway, _awaited))
    assert len(asked) == 1


def test_an_error_lets_the_connection_go_without_with_too(shell: Shell) -> None:
    body = Pieces(TEXT, ERROR, TEXT)
    with pytest.raises(tollway.ServerError, match="gone"):
        shell.final(lambda _: httpx.Response(200, stream=body, headers=HEAD))
    assert body.closed
