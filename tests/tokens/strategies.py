"""Random chats: scripts of the world, emoji, control characters, and text that looks like the template's own marks."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.tokens.pictures import data_url, png

Body = dict[str, Any]

_LOOKALIKES = st.sampled_from(
    ["[INST]", "[/INST]", "<s>", "</s>", "[SYSTEM_PROMPT]", "[TOOL_CALLS]", "[ARGS]", "[THINK]", "[IMG]", "[IMG_END]",
     "<|im_start|>", "<SPECIAL_20>", "<unk>", "[AVAILABLE_TOOLS]", "\n\n", "{", '"', "\\", "\\n", "\\ud83d"]
)  # fmt: skip
_SAYINGS = st.sampled_from(
    [
        "Wie viel kostet das? Straße, Übergröße.", "なぜ空は青いのですか。", "为什么天空是蓝色的?", "لماذا السماء زرقاء؟",
        "आकाश नीला क्यों है?", "Почему небо голубое?", "למה השמיים כחולים", "ทำไมท้องฟ้าเป็นสีฟ้า", "Γιατί;", "왜 하늘은 파란가요",
        "👩‍👩‍👧‍👦🏳️‍🌈🇫🇷", "é e\u0301 \u200b\u202e\ufeff", "12345678901234567890 3.14e-10", "\t  \t\n \r\n\x0b\x00\x1b\x7f\x85\xa0",
        "def f(x):\n\treturn {'a': x}  # TODO\n", "CamelCaseURLs://x.y/?q=1&z=%20", "   ", " trailing   ", "don't WE'LL",
    ]
)  # fmt: skip
_CHARACTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
texts = st.lists(st.one_of(_SAYINGS, _LOOKALIKES, _CHARACTERS), max_size=4).map("".join)
names = st.text("abcXYZ019_-", min_size=1, max_size=12)

_json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
_objects = st.dictionaries(texts, _json_values, max_size=3)
_numbers = st.sampled_from(
    [
        "1e15",
        "-1e15",
        "1E5",
        "1e400",
        "-0",
        "-0.0",
        "12345678901234567.0",
        "0.00001",
        "1.50",
        "5e-324",
        "9" * 400,
        "NaN",
    ]
)
_spellings = st.sampled_from([{}, {"indent": 2}, {"ensure_ascii": False}, {"separators": (",", ":")}])
_argument_texts = st.one_of(
    st.builds(lambda value, spelling: json.dumps(value, **spelling), _json_values, _spellings),
    st.lists(_numbers, max_size=4).map(lambda numbers: "[" + ",".join(numbers) + "]"),
    _numbers,
    texts,
    st.just('{"a": "\\ud800"}'),
)
_arguments = st.one_of(_objects, _argument_texts, st.none())

tools = st.builds(
    lambda name, words, described, extra, bare: {
        "type": "function",
        "function": {"name": name}
        | (
            {}
            if bare
            else {"parameters": {"type": "object", "properties": described, "required": [], "x-more": extra}}
        )
        | words,
    },
    names,
    st.one_of(st.just({}), texts.map(lambda text: {"description": text, "strict": True})),
    st.dictionaries(
        names,
        st.builds(lambda text, value: {"description": text, "default": value}, texts, _json_values),
        max_size=3,
    ),
    _json_values,
    st.booleans(),
)

_sides = st.one_of(st.integers(1, 4000), st.sampled_from([1, 28, 29, 1539, 1540, 1541, 9999, 10_000]))
# Pillow warns of a bomb above 89 megapixels, and warnings are errors here.
_sizes = st.tuples(_sides, _sides).filter(lambda size: size[0] * size[1] < 80_000_000)
_urls = _sizes.map(lambda size: data_url(png(*size)))
_images = st.one_of(
    _urls.map(lambda url: {"type": "image_url", "image_url": url}),
    _urls.map(lambda url: {"type": "image_url", "image_url": {"url": url, "detail": "low"}}),
)
_text_parts = texts.map(lambda text: {"type": "text", "text": text})
_thoughts = st.builds(
    lambda thinking, closed: {"type": "thinking", "thinking": thinking} | closed,
    st.one_of(texts, st.lists(_text_parts, max_size=3)),
    st.sampled_from([{}, {"closed": True}, {"closed": False}]),
)


def _content(*parts: st.SearchStrategy[Body]) -> st.SearchStrategy[Any]:
    return st.one_of(texts, st.lists(st.one_of(*parts), max_size=4))


systems = _content(_text_parts, _thoughts).map(lambda content: {"role": "system", "content": content})
users = _content(_text_parts, _images).map(lambda content: {"role": "user", "content": content})


@st.composite
def assistants(draw: st.DrawFn) -> Body:
    message: Body = {"role": "assistant", "content": draw(_content(_text_parts, _thoughts))}
    content = message["content"]
    if isinstance(content, str) and draw(st.booleans()):
        message[draw(st.sampled_from(["reasoning", "reasoning_content"]))] = draw(texts)
    if not any(part.get("text") or "thinking" in part for part in content if isinstance(part, dict)):
        message["content"] = "." + (content if isinstance(content, str) else "")
    return message


@st.composite
def tool_rounds(draw: st.DrawFn) -> list[Body]:
    """Calls, and their results in any order."""
    ids = draw(st.lists(names.filter(lambda name: name != "null"), min_size=1, max_size=3, unique=True))
    calls = [
        {"id": call, "type": "function", "function": {"name": draw(names), "arguments": draw(_arguments)}}
        for call in ids
    ]
    said = draw(st.sampled_from([{}, {"content": None}, {"content": "I look it up. "}]))
    results = [
        {"role": "tool", "tool_call_id": call, "name": "f", "content": draw(_content(_text_parts))}
        for call in draw(st.permutations(ids))
    ]
    return [{"role": "assistant", "tool_calls": calls, **said}, *results]


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """A chat that mistral_common accepts."""
    messages: list[Body] = draw(st.lists(systems, max_size=2))
    for _ in range(draw(st.integers(1, 3))):
        messages += draw(st.lists(users, min_size=1, max_size=2))
        if draw(st.booleans()):
            messages += draw(tool_rounds())
        messages += draw(st.lists(assistants(), max_size=2))
    if messages[-1]["role"] == "assistant":
        if draw(st.booleans()):
            messages[-1]["prefix"] = True
        else:
            messages.append(draw(users))
    return {"messages": messages, "tools": draw(st.one_of(st.none(), st.lists(tools, max_size=3)))}
