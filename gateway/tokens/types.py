"""A chat prompt as far as its size goes, decoded straight from the client's JSON; other fields are ignored."""

from typing import Any

import msgspec

_PRICED_PARTS = ("text", "image_url", "thinking", "reference")
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")


class PromptRejected(ValueError):
    """A prompt that cannot be measured or served: HTTP 400 at the edge.  `param` says where."""

    def __init__(self, message: str, param: str, code: str = "invalid_request") -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


class ImageUrl(msgspec.Struct, frozen=True):
    url: str
    detail: str | None = None


class Part(msgspec.Struct, frozen=True):
    """One content part.  `thinking` is a list in the Mistral API and a string in vLLM."""

    type: str
    text: str | None = None
    image_url: ImageUrl | str | None = None
    thinking: "list[Part] | str | None" = None


class Function(msgspec.Struct, frozen=True):
    """`arguments` and `parameters` are measured as they are: a string, or any JSON."""

    name: str = ""
    description: str | None = None
    arguments: Any = None
    parameters: Any = None


class ToolCall(msgspec.Struct, frozen=True):
    function: Function = Function()
    id: str | None = None


class Tool(msgspec.Struct, frozen=True):
    type: str = "function"
    function: Function = Function()


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class Prompt(msgspec.Struct, frozen=True):
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()

    def __post_init__(self) -> None:
        for i, message in enumerate(self.messages):
            if message.role not in _ROLES:
                raise PromptRejected(
                    f"{message.role!r} is no role; use one of {', '.join(_ROLES)}", f"messages[{i}].role"
                )
            if isinstance(message.content, list):
                _check_parts(message.content, f"messages[{i}].content")
        for i, tool in enumerate(self.tools):
            if tool.type != "function":
                raise PromptRejected(
                    f"tools of type {tool.type!r} have no price here; use functions", f"tools[{i}].type"
                )


class PromptBound(msgspec.Struct, frozen=True):
    """No worker counts more than this, but for what its chat template adds by itself."""

    text_tokens_max: int
    image_tokens_max: int


def _check_parts(parts: list[Part], where: str) -> None:
    for i, part in enumerate(parts):
        if part.type not in _PRICED_PARTS:
            raise PromptRejected(
                f"content of type {part.type!r} has no price here; use {', '.join(_PRICED_PARTS)}",
                f"{where}[{i}].type",
            )
        if part.type == "image_url" and part.image_url is None:
            raise PromptRejected("an image_url part needs its image_url", f"{where}[{i}].image_url")
