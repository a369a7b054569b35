"""The bound by itself: what grows when a template writes it again, blanks that would crash a tokenizer, and speed."""

import json
import time
from typing import Any

import pytest

from gateway.tokens.bound import PER_CALL, PER_MESSAGE, PER_PART, PER_PROMPT, PER_TOOL, bound_prompt
from gateway.tokens.decode import decode_prompt
from gateway.tokens.guard import BLANKS_MAX
from gateway.tokens.types import PromptBound, PromptRejected
from tests.tokens.pictures import data_url, png

BASE = PER_PROMPT + PER_MESSAGE


def bound(*messages: Any, tools: list[Any] | None = None) -> PromptBound:
    return bound_prompt(decode_prompt(json.dumps({"messages": messages, "tools": tools}).encode()))


def text_of(**message: Any) -> int:
    return bound({"role": "assistant", **message}).text_tokens_max - BASE


def arguments_of(arguments: Any) -> int:
    calls = [{"id": "12", "function": {"name": "abc", "arguments": arguments}}]
    return text_of(tool_calls=calls) - PER_CALL - 5


def test_text_is_its_bytes() -> None:
    assert text_of(content="abc") == 3
    assert text_of(content="ü€😀") == 9
    assert text_of(content=None) == 0
    assert (
        text_of(content=[{"type": "text", "text": "ab"}, {"type": "text", "text": "é"}]) == 2 * PER_PART + 4
    )
    assert (
        text_of(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "ab"}]}]) == PER_PART + 2
    )
    assert text_of(content=[{"type": "reference", "reference_ids": [1, 2]}]) == PER_PART + len("[1, 2]")
    assert text_of(content="abc", name="n", tool_call_id="id") == 6
    assert text_of(content="abc", reasoning="1234") == 7 + PER_PART
    assert text_of(content="abc", reasoning="1234", reasoning_content="1234") == 7 + PER_PART


def test_json_grows_when_it_is_written_again() -> None:
    assert arguments_of("[1,2,3,4,5]") == len("[1, 2, 3, 4, 5]")
    assert arguments_of('{"a":1}') == len(
        r'"{\"a\":1}"'
    )  # as if it were no JSON: to know, it would have to be read
    assert arguments_of({"a": 1}) >= len('{"a": 1}')
    assert arguments_of("1e15") >= len("1000000000000000.0")
    assert arguments_of("12345678901234567.0") >= len("1.2345678901234568e+16")
    assert arguments_of('no "json"\n\x01') == len(r'"no \"json\"\n\u0001"')
    assert arguments_of("") == arguments_of(None) == len("{}")
    assert arguments_of("é") == 4


def test_tools() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    full = {"function": {"name": "f", "description": 'say "é"', "parameters": {"a": [1, 2]}}}

    assert bound(tools=[tool]).text_tokens_max == PER_PROMPT + PER_TOOL + 3
    size = bound(tools=[tool, full]).text_tokens_max - PER_PROMPT - 2 * PER_TOOL - 6
    assert size == len(r'"say \"é\""'.encode()) + len('{"a": [1, 2]}') + 2


def test_images() -> None:
    message = {
        "role": "user",
        "content": [
            {"type": "image_url", "image_url": data_url(png(640, 480))},
            {"type": "text", "text": ""},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ],
    }
    assert bound(message) == PromptBound(BASE + 3 * PER_PART, 432 + 3080)
    message["content"][2] = {"type": "image_url", "image_url": "file:///etc/passwd"}
    with pytest.raises(PromptRejected) as caught:
        bound({"role": "user", "content": "x"}, message)
    assert caught.value.param == "messages[1].content[2].image_url"


BLANKS = " \t" * (BLANKS_MAX // 2)
ROOM = "x" * BLANKS_MAX


@pytest.mark.parametrize(
    ("request_body", "param"),
    [
        ({"messages": [{"role": "user", "content": "x" + BLANKS + "x"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": BLANKS}]}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "thinking", "thinking": BLANKS}]}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "reasoning": BLANKS}]}, "messages[1]"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{" + " " * BLANKS_MAX}}]}]}, "messages[0]"),
        ({"messages": [], "tools": [{"function": {"name": "f", "description": BLANKS}}]}, "tools[0]"),
        ({"messages": [], "tools": [{"function": {"name": "f", "parameters": {"a": " " * BLANKS_MAX}}}]}, "tools[0]"),
    ],
)  # fmt: skip
def test_blanks_that_would_crash_a_tokenizer_are_refused(request_body: Any, param: str) -> None:
    with pytest.raises(PromptRejected, match="cannot be tokenized") as caught:
        bound_prompt(decode_prompt(json.dumps(request_body).encode()))
    assert (caught.value.param, caught.value.code) == (param, "unsupported_text")


def test_long_texts_without_them_pass() -> None:
    content = [{"type": "text", "text": ROOM}, {"type": "text", "text": " " * (BLANKS_MAX - 1)}]
    call = {"function": {"name": "f", "arguments": ROOM}}
    tool = {"function": {"name": "f", "description": ROOM}}

    size = bound(
        {"role": "assistant", "content": content, "tool_calls": [call]}, tools=[tool]
    ).text_tokens_max

    assert size > 4 * BLANKS_MAX - 1


def test_a_chat_of_ten_thousand_tokens_is_bounded_at_once() -> None:
    """Microseconds; the limit leaves room for a busy machine."""
    messages = [{"role": "user", "content": "Warum ist der Himmel so blau, " * 20} for _ in range(50)]
    prompt = decode_prompt(json.dumps({"messages": messages}).encode())
    start = time.perf_counter()

    for _ in range(100):
        bound_prompt(prompt)
    assert time.perf_counter() - start < 1
