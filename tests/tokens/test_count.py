"""The exact count: every shared vector, the template piece by piece, and what cannot be counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.tokens.bound import bound_prompt
from gateway.tokens.count import count_prompt, count_text, encode_prompt
from gateway.tokens.decode import decode_prompt
from gateway.tokens.guard import BLANKS_MAX
from gateway.tokens.images import ImageRule
from gateway.tokens.order_v13 import refuse_disorder
from gateway.tokens.tekken import Vocabulary
from gateway.tokens.template_v13 import Control, Image, _dump, render
from gateway.tokens.types import Prompt, PromptCount, PromptRejected
from tests.tokens.pictures import data_url, encoded, png

CASES = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))["cases"]


def prompt_of(*messages: Any, tools: list[Any] | None = None) -> Prompt:
    return decode_prompt(json.dumps({"messages": messages, "tools": tools}).encode())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_published_cases(case: dict[str, Any], vocabulary: Vocabulary) -> None:
    prompt = decode_prompt(json.dumps(case).encode())
    count = count_prompt(prompt, vocabulary)
    bound = bound_prompt(prompt)

    assert (count.prompt_tokens, count.image_tokens) == (case["prompt_tokens"], case["image_tokens"])
    assert count.text_tokens + count.image_tokens == count.prompt_tokens
    assert bound.text_tokens_max >= count.text_tokens
    assert bound.image_tokens_max == count.image_tokens
    refuse_disorder(prompt)


def test_there_are_all_ninety() -> None:
    assert len(CASES) == 90


def test_a_chat_piece_by_piece() -> None:
    prompt = prompt_of(
        {"role": "developer", "content": "S"},
        {"role": "user", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "reasoning": "r", "content": "c ", "tool_calls": [
            {"id": "2", "function": {"name": "f", "arguments": '{"x":1e5}'}}, {"id": "1", "function": {"name": "g"}},
        ]},
        {"role": "function", "tool_call_id": "1", "content": "one"},
        {"role": "tool", "tool_call_id": "2", "content": "two"},
        {"role": "assistant", "content": "d  "},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "e", "closed": False}], "prefix": True},
        tools=[{"function": {"name": "f", "strict": True}}],
    )  # fmt: skip
    tools = '[{"type": "function", "function": {"name": "f", "description": "", "parameters": {}}}]'
    assert list(render(prompt)) == [
        Control.BOS,
        *(Control.BEGIN_SYSTEM, "S", Control.END_SYSTEM),
        *(Control.BEGIN_TOOLS, tools, Control.END_TOOLS),
        *(Control.BEGIN_INST, "a\n\nb", Control.END_INST),
        *(Control.BEGIN_THINK, "r", Control.END_THINK, "c "),
        *(
            Control.TOOL_CALLS,
            "f",
            Control.ARGS,
            '{"x": 100000.0}',
            Control.TOOL_CALLS,
            "g",
            Control.ARGS,
            "{}",
        ),
        Control.EOS,
        *(Control.BEGIN_TOOL_RESULTS, "two", Control.END_TOOL_RESULTS),
        *(Control.BEGIN_TOOL_RESULTS, "one", Control.END_TOOL_RESULTS),
        *("d  ", Control.BEGIN_THINK, "e"),
    ]


def test_a_picture_after_a_text_goes_before_it() -> None:
    url = data_url(png(1, 1))
    picture, text = {"type": "image_url", "image_url": url}, {"type": "text", "text": "t"}

    def between(*content: Any) -> list[Any]:
        return list(render(prompt_of({"role": "user", "content": list(content)})))[2:-1]

    assert between(text, picture) == [Image(url, "messages[0].content[1].image_url"), "t"]
    assert between(picture, text) == [Image(url, "messages[0].content[0].image_url"), "t"]
    assert between(text, {"type": "reference", "reference_ids": [1]}, text) == ["t\n\nt"]
    assert len(between(text, picture, text)) == 3


def test_tools_need_a_user_to_be_shown_to() -> None:
    prompt = prompt_of({"role": "system", "content": ""}, tools=[{"function": {"name": "f"}}])
    assert list(render(prompt)) == [Control.BOS, Control.BEGIN_SYSTEM, Control.END_SYSTEM]


def test_no_default_system_prompt(vocabulary: Vocabulary) -> None:
    prompt = prompt_of({"role": "user", "content": "hello"})
    assert encode_prompt(prompt, vocabulary) == [1, 3, 29706, 4]


def test_pictures_by_rule_and_by_turn(vocabulary: Vocabulary) -> None:
    def count(url: str, **options: Any) -> PromptCount:
        prompt = prompt_of({"role": "user", "content": [{"type": "image_url", "image_url": url}]})
        if options.pop("ids", False):
            ids = encode_prompt(prompt, vocabulary, **options)
            return PromptCount(len(ids), sum(token in {10, 12, 13} for token in ids))
        return count_prompt(prompt, vocabulary, **options)

    turned = data_url(encoded("JPEG", 640, 480, turn=6))
    for ids in (True, False):
        assert count(turned, ids=ids) == PromptCount(3 + 437, 437)
        assert count(turned, ids=ids, exif_transpose=False) == PromptCount(3 + 432, 432)
        assert count(data_url(png(32, 16)), ids=ids, rule=ImageRule(16, 1, 1024)) == PromptCount(3 + 3, 3)
    assert count("https://x/y.png") == PromptCount(3 + 3080, 3080, images_unread=1)
    with pytest.raises(PromptRejected, match="no known size") as caught:
        count("https://x/y.png", ids=True)
    assert caught.value.param == "messages[0].content[0].image_url"


def outcome_of(body: bytes, vocabulary: Vocabulary) -> str:
    try:
        count_prompt(decode_prompt(body), vocabulary)
    except PromptRejected as refused:
        return refused.code
    return "counted"


class TestJsonThatCannotBeWrittenAgain:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("[1]", "JSON object, or a string"),
            ("5", "JSON object, or a string"),
            ("true", "JSON object, or a string"),
        ],
    )
    def test_arguments(self, arguments: str, message: str, vocabulary: Vocabulary) -> None:
        body = '{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": %s}}]}]}'
        with pytest.raises(PromptRejected, match=message) as caught:
            count_prompt(decode_prompt((body % arguments).encode()), vocabulary)
        assert caught.value.param == "messages[0].tool_calls[0].function.arguments"

    def test_numbers_and_depths_beyond_python(self, vocabulary: Vocabulary) -> None:
        for arguments in ("9" * 5000, "[" * 100_000):
            call = {"function": {"name": "f", "arguments": arguments}}
            with pytest.raises(PromptRejected, match="cannot be read") as caught:
                count_prompt(prompt_of({"role": "assistant", "tool_calls": [call]}), vocabulary)
            assert caught.value.code == "invalid_json"

    @pytest.mark.parametrize("depth", [900, 960, 980, 990, 1000, 1010])
    def test_a_depth_that_can_be_read_but_not_written(self, depth: int, vocabulary: Vocabulary) -> None:
        nested = ("[" * depth + "]" * depth).encode()
        body = b'{"messages": [{"role": "user", "content": ""}], "tools": [{"function": {"name": "f", "parameters": {"a": %s}}}]}'
        assert outcome_of(body % nested, vocabulary) in {"counted", "invalid_json"}

    def test_written_too_deeply(self) -> None:
        value: Any = []
        for _ in range(5000):
            value = [value]
        with pytest.raises(PromptRejected, match="nested too deeply"):
            _dump(value, "tools")

    @pytest.mark.parametrize("parameters", [b"[]", b'"x"', b"1"])
    def test_parameters(self, parameters: bytes, vocabulary: Vocabulary) -> None:
        body = b'{"messages": [{"role": "user", "content": ""}], "tools": [{"function": {"name": "f", "parameters": %s}}]}'
        with pytest.raises(PromptRejected, match="parameters are a JSON object") as caught:
            count_prompt(decode_prompt(body % parameters), vocabulary)
        assert caught.value.param == "tools[0].function.parameters"

    @pytest.mark.parametrize(
        ("text", "message"),
        [(b'{"\xff": 1}', "not UTF-8"), (b'{"a": %s}' % (b"9" * 5000), "cannot be read")],
    )
    def test_what_msgspec_lets_pass_unread(self, text: bytes, message: str, vocabulary: Vocabulary) -> None:
        body = b'{"messages": [{"role": "user", "content": ""}], "tools": [{"function": {"name": "f", "parameters": %s}}]}'
        with pytest.raises(PromptRejected, match=message):
            count_prompt(decode_prompt(body % text), vocabulary)


class TestAnswers:
    def test_text(self, vocabulary: Vocabulary) -> None:
        assert count_text("", vocabulary) == 0
        assert count_text("hello", vocabulary) == 1
        assert count_text("[/INST]</s>", vocabulary) == len(vocabulary.encode("[/INST]</s>")) > 2
        assert count_text("a" * BLANKS_MAX, vocabulary) == vocabulary.count("a" * BLANKS_MAX)

    def test_blanks_without_end_are_billed_not_refused(self, vocabulary: Vocabulary) -> None:
        counted = count_text("x" + " " * (2 * BLANKS_MAX) + "x", vocabulary)
        assert 2 * BLANKS_MAX // 64 <= counted <= 2 * BLANKS_MAX // 64 + 20
