"""A body as clients send it: both dialects are read, and what is wrong is said with its place."""

import json
from typing import Any

import msgspec
import pytest

from gateway.tokens.decode import decode_prompt, explain
from gateway.tokens.types import Message, Part, PromptRejected


def body(*messages: Any, **fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": messages, **fields}).encode()


def parts(*given: Any) -> bytes:
    return body({"role": "user", "content": list(given)})


def refusal(content: bytes) -> PromptRejected:
    with pytest.raises(PromptRejected) as caught:
        decode_prompt(content)
    assert str(caught.value) == caught.value.message
    return caught.value


def test_both_dialects() -> None:
    prompt = decode_prompt(
        body(
            {"role": "developer", "content": "d", "unknown": {"a": [1]}},
            {"role": "user", "name": None, "content": [
                {"type": "text", "text": "t", "cache_control": {}},
                {"type": "image_url", "image_url": "https://x"},
                {"type": "image_url", "image_url": {"url": "https://y", "detail": "high"}},
            ]},
            {"role": "assistant", "prefix": False, "tool_calls": None, "content": [
                {"type": "thinking", "closed": True, "thinking": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                {"type": "thinking", "thinking": "c"},
                {"type": "reference", "reference_ids": [1, "x"]},
            ]},
            {"role": "assistant", "content": None, "reasoning_content": "r", "tool_calls": [
                {"id": "1", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{}"}},
                {"id": "2", "function": {"name": "f", "arguments": {"a": 1}}},
            ]},
            {"role": "tool", "tool_call_id": "1", "content": ""},
            {"role": "function", "name": "f", "content": ""},
            tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}],
        )
    )  # fmt: skip

    user, thinking, calling = prompt.messages[1:4]
    assert isinstance(user.content, list)
    assert [part.url for part in user.content] == ["", "https://x", "https://y"]
    assert isinstance(thinking.content, list)
    assert [part.thought for part in thinking.content] == ["ab", "c", ""]
    assert calling.thought == "r"
    assert prompt.tools[0].function is not None


def test_null_is_absent() -> None:
    assert decode_prompt(body({"role": "user", "content": "x"}, tools=None)).tools == ()
    assert Message(role="assistant", reasoning="", reasoning_content="b").thought == ""
    assert Part(type="thinking", thinking=[Part(type="reference")]).thought == ""


@pytest.mark.parametrize(
    "kind",
    ["input_audio", "file", "document_url", "input_text", "refusal", "audio_url", "image", "resource", ""],
)
def test_a_part_without_a_price_is_refused(kind: str) -> None:
    refused = refusal(
        body(
            {"role": "system", "content": "x"},
            {"role": "user", "content": [{"type": "text", "text": ""}, {"type": kind}]},
        )
    )
    assert refused.param == "messages[1].content[1].type"
    assert f"{kind!r} has no price here; use text, image_url, thinking, reference" in refused.message


@pytest.mark.parametrize(
    ("content", "param", "message"),
    [
        (
            body({"role": "user", "content": 5}),
            "messages[0].content",
            "Expected `str | array | null`, got `int`",
        ),
        (body({"content": "x"}), "messages[0].role", "missing required field `role`"),
        (b"{}", "messages", "missing required field `messages`"),
        (b"[]", "body", "Expected `object`, got `array`"),
        (body({"role": "narrator", "content": "x"}), "messages[0].role", "'narrator' is no role"),
        (parts({"text": "x"}), "messages[0].content[0].type", "missing required field `type`"),
        (parts({"type": "text"}), "messages[0].content[0].text", "needs its text"),
        (
            parts({"type": "image_url", "image_url": None}),
            "messages[0].content[0].image_url",
            "needs its image_url",
        ),
        (
            parts({"type": "image_url", "image_url": {}}),
            "messages[0].content[0].image_url.url",
            "missing required",
        ),
        (parts({"type": "thinking"}), "messages[0].content[0].thinking", "needs its thinking"),
        (
            parts({"type": "thinking", "thinking": [{"type": "thinking", "thinking": "x"}]}),
            "messages[0].content[0].thinking[0].type",
            "use text, reference",
        ),
        (
            body({"role": "assistant", "tool_calls": [{"type": "custom", "custom": {}}]}),
            "messages[0].tool_calls[0].function",
            "needs its function",
        ),
        (body(tools=[{"type": "web_search"}]), "tools[0].type", "'web_search' have no price"),
        (body(tools=[{"type": "function"}]), "tools[0].function", "needs its function"),
    ],
)
def test_a_mistake_has_its_place(content: bytes, param: str, message: str) -> None:
    refused = refusal(content)
    assert refused.param == param
    assert message in refused.message


@pytest.mark.parametrize(
    "escape", [r"\ud800", r"x\uDBFFy", r"\udc00", r"\uDFFF\ud83d\ude00", r"\ud800\u0041"]
)
def test_half_a_character_is_refused_in_clear_words(escape: str) -> None:
    for content in (
        '{"messages": [{"role": "user", "content": "%s"}]}',
        '{"messages": [], "tools": [{"function": {"name": "f", "parameters": {"%s": 1}}}]}',
        '{"messages": [], "anything": "%s"}',
    ):
        refused = refusal((content % escape).encode())
        assert "half a character" in refused.message
        assert (refused.param, refused.code) == ("body", "invalid_json")


def test_whole_pairs_are_welcome() -> None:
    prompt = decode_prompt(rb'{"messages": [{"role": "user", "content": "\ud83d\ude00 \\ud800"}]}')
    assert prompt.messages[0].content == "\U0001f600 \\ud800"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"nonsense", b'{"messages": [}', b"\xff\xfe"],
)
def test_no_json(content: bytes) -> None:
    refused = refusal(content)
    assert refused.code in {"invalid_json", "invalid_request"}
    assert refused.param in {"body", "messages"}


def test_a_body_nested_without_end() -> None:
    deep = b'{"type":"thinking","thinking":[' * 100_000
    refused = refusal(b'{"messages":[{"role":"user","content":[' + deep)
    assert (refused.message, refused.code) == ("the body is nested too deeply", "invalid_json")


def test_explain_serves_other_decoders_too() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"a": [1, "x"]}', type=dict[str, list[int]])
    assert explain(caught.value, b"").param == "[...][1]"
