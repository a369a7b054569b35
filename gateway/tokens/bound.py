"""An upper bound of a prompt's tokens in microseconds: never below what any byte-level tokenizer counts.

A token is at least one byte of UTF-8, so text has at most as many tokens as bytes; control tokens of the template
come on top.  Images are at most `IMAGE_TOKENS_MAX` each.
"""

import msgspec

from gateway.tokens.types import Message, Part, Prompt, PromptBound, Tool, ToolCall

IMAGE_TOKENS_MAX = 3080
"""55 x 55 patches, a break per row and an end: the largest that Magistral's encoder makes (MISTRAL.md section 4)."""
PER_PROMPT = 8
"""Begin of sequence, the tools' brackets, generation prompt."""
PER_MESSAGE = 16
"""Role markers; ChatML (`<|im_start|>role\\n…<|im_end|>\\n`) takes the most: its role is a few tokens of text."""
PER_PART = 4
"""A separator (two newlines), thinking brackets."""
PER_CALL = 8
"""`[TOOL_CALLS]name[ARGS]json`, or an id beside it."""
PER_TOOL = 64
"""What re-dumping adds around a tool: type, function, name, description, parameters and their quotes."""

_encoder = msgspec.json.Encoder()


def bound_prompt(prompt: Prompt) -> PromptBound:
    text = PER_PROMPT + sum(_tool(tool) for tool in prompt.tools)
    images = 0
    for message in prompt.messages:
        text += PER_MESSAGE + _message(message)
        if isinstance(message.content, list):
            images += sum(part.type == "image_url" for part in message.content)
    return PromptBound(text, images * IMAGE_TOKENS_MAX)


def _message(message: Message) -> int:
    content = message.content
    size = _bytes(content) if isinstance(content, str) else sum(_part(part) for part in content or ())
    size += _bytes(message.reasoning) + _bytes(message.reasoning_content) + _bytes(message.name)
    size += _bytes(message.tool_call_id)
    return size + sum(_call(call) for call in message.tool_calls or ())


def _part(part: Part) -> int:
    thinking = part.thinking
    nested = sum(_part(piece) for piece in thinking) if isinstance(thinking, list) else _bytes(thinking)
    return PER_PART + _bytes(part.text) + nested


def _call(call: ToolCall) -> int:
    return PER_CALL + _bytes(call.id) + _bytes(call.function.name) + _json(call.function.arguments)


def _tool(tool: Tool) -> int:
    function = tool.function
    return PER_TOOL + _bytes(function.name) + _bytes(function.description) + _json(function.parameters)


def _json(value: object) -> int:
    """Templates dump JSON with a space after each comma and colon; twice the compact size covers that."""
    if value is None:
        return 0
    return 2 * (len(value.encode()) if isinstance(value, str) else len(_encoder.encode(value)))


def _bytes(text: str | None) -> int:
    if text is None:
        return 0
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
