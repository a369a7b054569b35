"""The SDK's pure half: requests, retries, errors, streams, money."""

import itertools
import json
from typing import Any

import pytest
import tollway
from hypothesis import given
from hypothesis import strategies as st
from tollway import Money, _core
from tollway._stream import Assembly

BROKE = {
    "error": {"message": "no", "code": "insufficient_credit", "needed_nanousd": 5, "available_nanousd": 2}
}


def test_public_names_are_sorted_and_there() -> None:
    assert tollway.__all__ == sorted(tollway.__all__, key=str)
    assert all(hasattr(tollway, name) for name in tollway.__all__)


def test_a_request_leaves_out_what_was_not_given() -> None:
    request = _core.chat_request({"model": "m", "messages": [], "max_tokens": None}, {"top_k": 5}, "k1")
    assert json.loads(request.body or b"") == {"model": "m", "messages": [], "top_k": 5}
    headers = _core.headers("tw_x", request, "1")
    assert headers["idempotency-key"] == "k1"
    assert headers["authorization"] == "Bearer tw_x"


@pytest.mark.parametrize(
    ("attempt", "status", "headers", "pause"),
    [
        (0, None, {}, 0.5),
        (1, 503, {}, 1.0),
        (0, 429, {"retry-after": "3"}, 3.0),
        (0, 429, {"retry-after-ms": "250"}, 0.25),
        (0, 429, {"retry-after": "soon"}, 0.5),
        (0, 429, {"retry-after": "1000"}, None),
        (0, 429, {"retry-after": "-1"}, 0.5),
        (0, 400, {}, None),
        (0, 402, {}, None),
        (0, 409, {}, 0.5),
        (0, 502, {"x-should-retry": "false"}, None),
        (0, 400, {"x-should-retry": "true"}, 0.5),
        (2, 503, {}, None),
    ],
)
def test_when_to_try_again(
    attempt: int, status: int | None, headers: dict[str, str], pause: float | None
) -> None:
    assert _core.retry_pause_s(attempt, 2, status, headers, 0.0) == pause


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "BadRequest"), (401, "AuthenticationFailed"), (402, "InsufficientCredits"), (403, "PermissionDenied"),
     (404, "NotFound"), (409, "Conflict"), (413, "RequestTooLarge"), (418, "BadRequest"), (429, "RateLimited"),
     (500, "ServerError"), (503, "ServerError")],
)  # fmt: skip
def test_each_status_has_its_error(status: int, kind: str) -> None:
    error = _core.status_error(
        status, {"x-request-id": "req_1", "retry-after": "2"}, json.dumps(BROKE).encode()
    )
    assert type(error) is getattr(tollway, kind)
    assert (error.code, error.needed_nanousd, error.available_nanousd) == ("insufficient_credit", 5, 2)
    assert (error.request_id, error.retry_after_s) == ("req_1", 2.0)
    assert "req_1" in str(error)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": null}', b"\xff"])
def test_an_error_that_is_not_ours_is_still_an_error(body: bytes) -> None:
    assert _core.status_error(502, {}, body).status_code == 502


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
    body = {
        "id": "c",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        **more,
    }
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\r\n\r\n"


STREAM = b": keepalive\n\n" + b"".join(
    [
        chunk({"role": "assistant", "content": None}),
        chunk({"reasoning": "hm"}),
        chunk({"reasoning_content": "m"}),
        chunk({"content": "héllo "}),
        chunk({"content": [{"type": "text", "text": "🌍"}]}),
        chunk({"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "f", "arguments": '{"a"'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
        chunk({}, "tool_calls"),
        b'data: {"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"cost_nanousd":180,'
        b'"prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":1}}}\n\n',
        b"data: [DONE]\n\n",
    ]
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_reads_the_same_wherever_it_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assembly, whole = Assembly("req_1"), Assembly("req_1")
    events = [event for a, b in itertools.pairwise(edges) for event in assembly.feed(STREAM[a:b])]
    assert events == whole.feed(STREAM)
    assert assembly.done
    answer = assembly.final()
    assert answer == whole.final()
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("héllo 🌍", "hmm", "tool_calls")
    assert answer.tool_calls == (tollway.ToolCall("t1", "f", '{"a":1}'),)
    assert answer.cost == Money(180)
    assert (answer.usage.cached_tokens, answer.usage.reasoning_tokens) == (1, 1)


def test_a_stream_that_breaks_off_says_so() -> None:
    assembly = Assembly("req_1")
    assembly.feed(chunk({"content": "half"}))
    with pytest.raises(tollway.StreamInterrupted, match="req_1"):
        assembly.final()


def test_an_error_inside_a_stream_is_raised() -> None:
    with pytest.raises(tollway.ServerError) as broken:
        Assembly("req_1").feed(b'data: {"error": {"message": "gone", "code": "worker_failed"}}\n\n')
    assert broken.value.code == "worker_failed"


@given(st.integers(-(10**18), 10**18), st.integers(-(10**18), 10**18))
def test_money_is_exact(a: int, b: int) -> None:
    assert Money.from_usd(str(Money(a)).replace("$", "")) == Money(a)
    assert Money(a) + Money(b) - Money(b) == Money(a)
    assert (Money(a) < Money(b)) == (a < b)


@pytest.mark.parametrize("usd", ["", "1e3", "0.0000000001", 0.5, "١"])
def test_money_is_never_guessed(usd: Any) -> None:
    with pytest.raises(ValueError, match="exact"):
        Money.from_usd(usd)
