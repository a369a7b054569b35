"""An upper bound of a prompt's tokens in microseconds: never below what any byte-level tokenizer counts.

A token is at least one byte of UTF-8, so text has at most as many tokens as bytes; control tokens of the template
come on top, and what grows when a template dumps JSON again.  Pictures are exact (`images.bound_image`).
"""

import json
import re
from collections.abc import Iterator
from json.encoder import encode_basestring

import msgspec

from gateway.tokens.guard import BLANKS_MAX, refuse_blanks
from gateway.tokens.images import MAGISTRAL_IMAGES, ImageRule, bound_image
from gateway.tokens.types import (
    NOTHING,
    AnyPrompt,
    FimPrompt,
    Inputs,
    Message,
    Part,
    Prompt,
    PromptBound,
    Tool,
    ToolCall,
)

PER_PROMPT = 8
"""Begin of sequence, the tools' brackets, generation prompt."""
PER_INPUT = 4
"""Begin and end of sequence, or `[CLS]` and `[SEP]`."""
PER_MESSAGE = 16
"""Role markers; ChatML (`<|im_start|>role\\n…<|im_end|>\\n`) takes the most: its role is a few tokens of text."""
PER_PART = 4
"""A separator (two newlines), thinking brackets."""
PER_CALL = 8
"""`[TOOL_CALLS]name[ARGS]json`, or an id beside it."""
PER_TOOL = len(
    json.dumps({"type": "function", "function": {"name": "", "description": "", "parameters": {}}}) + ", "
)
"""What the template dumps around a tool's own words, and the comma to the next."""
_PER_EXPONENT = 18
"""`1e15` is dumped as `1000000000000000.0`: no number with an exponent grows by more."""
_PER_DOT = 3
"""`12345678901234567.0` is dumped as `1.2345678901234568e+16`: three more, the most without an exponent."""
_QUOTE = ord('"')
_EXPONENT = re.compile(r"[0-9][eE]")

_string = msgspec.json.Decoder(str)


def bound_prompt(prompt: AnyPrompt, rule: ImageRule = MAGISTRAL_IMAGES) -> PromptBound:
    """Raises PromptRejected: a picture whose header cannot be read, or a text that no tokenizer takes."""
    if isinstance(prompt, Prompt):
        return _bound_chat(prompt, rule)
    return _bound_fim(prompt) if isinstance(prompt, FimPrompt) else _bound_inputs(prompt)


def _bound_fim(prompt: FimPrompt) -> PromptBound:
    refuse_blanks(prompt.prompt, "prompt")
    refuse_blanks(prompt.suffix, "suffix")
    return PromptBound(PER_PROMPT + _bytes(prompt.prompt) + _bytes(prompt.suffix), 0)


def _bound_inputs(inputs: Inputs) -> PromptBound:
    """Token ids are as many as they are; a worker adds nothing to them."""
    sizes = []
    for i, item in enumerate(inputs.items):
        if isinstance(item, str):
            refuse_blanks(item, f"input[{i}]")
        sizes.append(PER_INPUT + _bytes(item) if isinstance(item, str) else len(item))
    return PromptBound(sum(sizes), 0, max(sizes))


def _bound_chat(prompt: Prompt, rule: ImageRule) -> PromptBound:
    text = PER_PROMPT
    images = 0
    for i, tool in enumerate(prompt.tools):
        size = _tool(tool)
        if size >= BLANKS_MAX:
            _refuse(_tool_texts(tool), f"tools[{i}]")
        text += size
    for i, message in enumerate(prompt.messages):
        size = _message(message)
        if size >= BLANKS_MAX:
            _refuse(_message_texts(message), f"messages[{i}]")
        text += size
        if isinstance(message.content, list):
            images += sum(
                bound_image(part.url, f"messages[{i}].content[{j}].image_url", rule)
                for j, part in enumerate(message.content)
                if part.type == "image_url"
            )
    return PromptBound(text, images)


def _message(message: Message) -> int:
    content = message.content
    size = PER_MESSAGE + (_bytes(content) if isinstance(content, str) else sum(map(_part, content or ())))
    if message.thought is not None:
        size += PER_PART + max(_bytes(message.reasoning), _bytes(message.reasoning_content))
    if message.name is not None:
        size += _bytes(message.name)
    if message.tool_call_id is not None:
        size += _bytes(message.tool_call_id)
    return size + sum(map(_call, message.tool_calls or ()))


def _part(part: Part) -> int:
    """A reference has no tokens in Mistral's template; elsewhere it can be no more than its ids."""
    if part.type == "text":
        return PER_PART + _bytes(part.text)
    return PER_PART + _bytes(part.thought) + (len(part.reference_ids) if part.type == "reference" else 0)


def _call(call: ToolCall) -> int:
    assert call.function is not None, "Prompt refuses calls without a function"
    return PER_CALL + _bytes(call.id) + _bytes(call.function.name) + _arguments(call.function.arguments)


def _tool(tool: Tool) -> int:
    function = tool.function
    assert function is not None, "Prompt refuses tools without a function"
    return PER_TOOL + _quoted(function.name) + _quoted(function.description) + _dumped(function.parameters)


def _arguments(raw: msgspec.Raw) -> int:
    """JSON is dumped again; what is no JSON is dumped as one quoted string; nothing becomes `{}`."""
    if memoryview(raw)[0] != _QUOTE:
        return max(2, _dumped(raw))
    text = _string.decode(raw)
    return max(2, _grown(text), _quoted(text))


def _dumped(raw: msgspec.Raw) -> int:
    return 0 if raw == NOTHING else _grown(str(memoryview(raw), "utf-8", "replace"))


def _grown(text: str) -> int:
    """JSON, dumped with a blank after each comma and colon and with numbers in Python's spelling."""
    size = _bytes(text) + text.count(",") + text.count(":") + _PER_DOT * text.count(".")
    return size + _PER_EXPONENT * sum(1 for _ in _EXPONENT.finditer(text))


def _quoted(text: str | None) -> int:
    return 0 if text is None else _bytes(encode_basestring(text))


def _bytes(text: str | None) -> int:
    if text is None:
        return 0
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _refuse(texts: Iterator[str], where: str) -> None:
    for text in texts:
        refuse_blanks(text, where)


def _message_texts(message: Message) -> Iterator[str]:
    if isinstance(message.content, str):
        yield message.content
    else:
        for part in message.content or ():
            yield part.text or part.thought
    yield message.thought or ""
    for call in message.tool_calls or ():
        assert call.function is not None, "Prompt refuses calls without a function"
        yield str(memoryview(call.function.arguments), "utf-8", "replace")


def _tool_texts(tool: Tool) -> Iterator[str]:
    assert tool.function is not None, "Prompt refuses tools without a function"
    yield tool.function.description or ""
    yield str(memoryview(tool.function.parameters), "utf-8", "replace")
