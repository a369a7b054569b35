"""What the template forbids, rule by rule; `test_same_as_mistral.py` has them at random against mistral_common."""

import json
from typing import Any

import pytest

from gateway.tokens.decode import decode_prompt
from gateway.tokens.order_v13 import refuse_disorder
from gateway.tokens.types import PromptRejected

SYSTEM = {"role": "system", "content": "s"}
USER = {"role": "user", "content": "u"}
SAYS = {"role": "assistant", "content": "a"}
TEXT = {"type": "text", "text": "t"}
THINK = {"type": "thinking", "thinking": "t"}
IMAGE = {"type": "image_url", "image_url": "https://x"}


def calls(*ids: Any, name: str = "f") -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": i, "function": {"name": name}} for i in ids]}


def result(call: str | None, **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call, "content": "r", **more}


def check(messages: list[Any], tools: list[Any] | None = None) -> None:
    refuse_disorder(decode_prompt(json.dumps({"messages": messages, "tools": tools}).encode()))


@pytest.mark.parametrize(
    "messages",
    [
        [SYSTEM],
        [USER, SYSTEM, USER],
        [SYSTEM, SYSTEM, SAYS, USER],
        [USER, calls("a", "b"), result("b"), result("a"), SAYS, USER],
        [USER, calls("a"), result("a", name="f"), USER],
        [USER, calls("a"), USER],
        [USER, {**SAYS, "prefix": True}],
        [USER, {"role": "assistant", "content": ""}, SAYS, USER],
        [USER, {"role": "assistant", "reasoning": ""}, USER],
        [USER, {"role": "assistant", "content": [{"type": "text", "text": ""}, THINK]}, USER],
        [{"role": "system", "content": [TEXT, THINK]}, {"role": "user", "content": [TEXT, IMAGE]}],
        [{"role": "developer", "content": "s"}, USER, calls("a"), {**result("a"), "role": "function"}],
    ],
)
def test_in_order(messages: list[Any]) -> None:
    check(messages, [{"function": {"name": "f"}}])


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([], "messages"),
        ([SAYS], "messages[0].role"),
        ([USER, SAYS], "messages[1]"),
        ([USER, SAYS, SYSTEM, USER], "messages[2].role"),
        ([USER, result("a")], "messages[1].role"),
        ([USER, {**SAYS, "prefix": True}, USER], "messages[1].prefix"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "system", "content": [IMAGE]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [TEXT, THINK]}], "messages[0].content[1].type"),
        ([USER, calls("a"), {**result("a"), "content": [IMAGE]}], "messages[2].content[0].type"),
        ([USER, {**SAYS, "reasoning": "a", "reasoning_content": "b"}, USER], "messages[1].reasoning_content"),
        ([USER, {"role": "assistant", "content": [THINK], "reasoning": "a"}, USER], "messages[1].content"),
        ([USER, {"role": "assistant", "content": ""}, USER], "messages[1]"),
        ([USER, {"role": "assistant", "content": [{"type": "text", "text": ""}]}, USER], "messages[1]"),
        ([USER, calls(None), USER], "messages[1].tool_calls[0].id"),
        ([USER, calls("a", "null"), USER], "messages[1].tool_calls[1].id"),
        ([USER, calls("a", name="no name"), USER], "messages[1].tool_calls[0].function.name"),
        ([USER, calls("a", "a"), USER], "messages[1].tool_calls"),
        ([USER, calls("a"), result("")], "messages[2].tool_call_id"),
        ([USER, calls("a"), result("b")], "messages[2].tool_call_id"),
        ([USER, calls("a"), result("a"), result("a")], "messages[3].tool_call_id"),
        ([USER, calls("a"), result("a", name="x" * 65)], "messages[2].name"),
        ([USER, calls("a"), SAYS, USER], "messages[2]"),
        ([calls("a"), result("a")], "messages[1].tool_call_id"),
    ],
)
def test_out_of_order(messages: list[Any], param: str) -> None:
    with pytest.raises(PromptRejected) as caught:
        check(messages)
    assert caught.value.param == param


def test_a_tool_has_a_name() -> None:
    with pytest.raises(PromptRejected, match="letters, digits") as caught:
        check([USER], [{"function": {"name": "f"}}, {"function": {"name": "get weather"}}])
    assert caught.value.param == "tools[1].function.name"
