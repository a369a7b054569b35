"""The chat template of tekken v13 (Magistral Small 1.2), as mistral_common and vLLM's mistral mode apply it.

`render` turns a prompt into what is tokenized, piece by piece: each text is encoded alone, control tokens stand
between.  It renders whatever it can; what the template's own rules forbid is `order_v13.py`'s question, so that a
prompt which some worker did serve can still be counted.  No default system prompt is added.  (MISTRAL.md section 3.3)
"""

import json
from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import groupby
from math import inf

import msgspec

from gateway.tokens.types import NOTHING, FunctionCall, Message, Prompt, PromptRejected, Tool

_JOIN = "\n\n"
"""Between texts that meet, within a message and across messages of one role."""


class Control(IntEnum):
    """Ids of v13's control tokens (MISTRAL.md section 8).  Counts need only that each is one token."""

    BOS = 1
    EOS = 2
    BEGIN_INST = 3
    END_INST = 4
    BEGIN_TOOLS = 5
    END_TOOLS = 6
    BEGIN_TOOL_RESULTS = 7
    END_TOOL_RESULTS = 8
    TOOL_CALLS = 9
    IMG = 10
    IMG_BREAK = 12
    IMG_END = 13
    PREFIX = 14
    SUFFIX = 16
    BEGIN_SYSTEM = 17
    END_SYSTEM = 18
    ARGS = 32
    BEGIN_THINK = 34
    END_THINK = 35


class Image(msgspec.Struct, frozen=True):
    url: str
    where: str


class Thought(msgspec.Struct, frozen=True):
    text: str
    closed: bool = True


_OTHER_NAMES = {"developer": "system", "function": "tool"}
"""OpenAI's newer and older names of roles."""

Piece = str | Control | Image
_Chunk = str | Thought | Image
_Numbered = tuple[int, Message]


def role_of(message: Message) -> str:
    return _OTHER_NAMES.get(message.role, message.role)


def render(prompt: Prompt) -> Iterator[Piece]:
    """Raises PromptRejected: a tool whose JSON cannot be dumped again."""
    yield Control.BOS
    tools_to_come = bool(prompt.tools)
    call_order: dict[str, int] = {}
    for role, group in groupby(enumerate(prompt.messages), key=lambda numbered: role_of(numbered[1])):
        messages = list(group)
        if role == "system":
            for i, message in messages:
                chunks = _joined([_chunks(i, message)])
                yield from (Control.BEGIN_SYSTEM, *_flat(chunks), Control.END_SYSTEM)
        elif role == "user":
            if tools_to_come:
                yield from (Control.BEGIN_TOOLS, _tools(prompt.tools), Control.END_TOOLS)
                tools_to_come = False
            chunks = _image_first(_joined(_chunks(i, message) for i, message in messages))
            yield from (Control.BEGIN_INST, *_flat(chunks), Control.END_INST)
        elif role == "assistant":
            yield from _assistant(messages)
            calls = [call for _, message in messages for call in message.tool_calls or ()]
            for call in calls:
                call_order[call.id or ""] = len(call_order)
        else:
            messages.sort(key=lambda numbered: call_order.get(numbered[1].tool_call_id or "", inf))
            for i, message in messages:
                chunks = _joined([_chunks(i, message)])
                yield from (Control.BEGIN_TOOL_RESULTS, *_flat(chunks), Control.END_TOOL_RESULTS)
            call_order.clear()


def _assistant(messages: list[_Numbered]) -> Iterator[Piece]:
    """All that was said, then all that was called; the end is left open where a client asks to be continued."""
    chunks = _joined(_chunks(i, message) for i, message in messages)
    if len(chunks) == 1 and isinstance(chunks[0], str):
        chunks = [chunks[0].rstrip(" ")]
    yield from _flat(chunks)
    for i, message in messages:
        for j, call in enumerate(message.tool_calls or ()):
            assert call.function is not None, "Prompt refuses calls without a function"
            where = f"messages[{i}].tool_calls[{j}].function.arguments"
            yield from (
                Control.TOOL_CALLS,
                call.function.name,
                Control.ARGS,
                _arguments(call.function, where),
            )
    if not any(message.prefix for _, message in messages):
        yield Control.EOS


def _chunks(i: int, message: Message) -> Iterator[_Chunk]:
    """Texts, thoughts and pictures of one message, in order; a reference has no tokens."""
    if role_of(message) == "assistant" and message.thought is not None:
        yield Thought(message.thought)
    if isinstance(message.content, str):
        yield message.content
        return
    for j, part in enumerate(message.content or ()):
        if part.type == "text":
            yield part.text or ""
        elif part.type == "thinking":
            yield Thought(part.thought, closed=part.closed is not False)
        elif part.type == "image_url":
            yield Image(part.url, f"messages[{i}].content[{j}].image_url")


def _joined(messages: Iterable[Iterable[_Chunk]]) -> list[_Chunk]:
    """Texts that meet become one; empty texts vanish before they can meet."""
    joined: list[_Chunk] = []
    texts: list[str] = []
    for chunk in (chunk for message in messages for chunk in message):
        if isinstance(chunk, str):
            texts += [chunk] if chunk else []
            continue
        if texts:
            joined.append(_JOIN.join(texts))
            texts = []
        joined.append(chunk)
    return [*joined, _JOIN.join(texts)] if texts else joined


def _image_first(chunks: list[_Chunk]) -> list[_Chunk]:
    """One text and one picture after it change places; the count is the same, the ids are not."""
    if len(chunks) == 2 and isinstance(chunks[0], str) and isinstance(chunks[1], Image):
        return [chunks[1], chunks[0]]
    return chunks


def _flat(chunks: list[_Chunk]) -> Iterator[Piece]:
    for chunk in chunks:
        if isinstance(chunk, Thought):
            yield from (Control.BEGIN_THINK, chunk.text)
            if chunk.closed:
                yield Control.END_THINK
        else:
            yield chunk


def _tools(tools: tuple[Tool, ...]) -> str:
    dumped = []
    for i, tool in enumerate(tools):
        function = tool.function
        assert function is not None, "Prompt refuses tools without a function"
        where = f"tools[{i}].function.parameters"
        parameters = (
            {} if function.parameters == NOTHING else _loaded(_text(function.parameters, where), where)
        )
        if not isinstance(parameters, dict):
            raise PromptRejected("a function's parameters are a JSON object", where)
        fields = {"name": function.name, "description": function.description or "", "parameters": parameters}
        dumped.append({"type": "function", "function": fields})
    return _dump(dumped, "tools")


def _arguments(function: FunctionCall, where: str) -> str:
    """As JSON, whatever came: an object, its text, or text that is no JSON, which is then one quoted string."""
    if function.arguments == NOTHING:
        return "{}"
    value = _loaded(_text(function.arguments, where), where)
    if isinstance(value, str):
        value = _loaded(value, where, or_text=True) if value else {}
    elif not isinstance(value, dict):
        raise PromptRejected("a function's arguments are a JSON object, or a string that holds one", where)
    return _dump(value, where)


def _text(raw: msgspec.Raw, where: str) -> str:
    try:
        return str(memoryview(raw), "utf-8")
    except UnicodeDecodeError as error:
        raise PromptRejected("it is not UTF-8", where, "invalid_json") from error


def _loaded(text: str, where: str, *, or_text: bool = False) -> object:
    """By Python's json, which the worker uses too: its spelling of numbers is what is tokenized."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        if or_text and isinstance(error, json.JSONDecodeError):
            return text
        raise PromptRejected(f"its JSON cannot be read: {error}", where, "invalid_json") from error
    return value


def _dump(value: object, where: str) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError as error:
        raise PromptRejected("its JSON is nested too deeply", where, "invalid_json") from error
