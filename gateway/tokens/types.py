"""A chat prompt as far as its size goes, decoded straight from the client's JSON in OpenAI's and Mistral's dialects.

Unknown fields are ignored and optional ones may be null; what carries tokens is typed, and a part that has no price
(audio, files, documents) is refused here, so that nothing is ever served that cannot be billed.
"""

from typing import Any

import msgspec

PRICED_PARTS = ("text", "image_url", "thinking", "reference")
PARTS_OF_THINKING = ("text", "reference")
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
NOTHING = msgspec.Raw(b"null")


class PromptRejected(ValueError):
    """A prompt that cannot be measured or served: HTTP 400 at the edge.  `param` says where."""

    def __init__(self, message: str, param: str, code: str = "invalid_request") -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


class VocabularyUnusable(RuntimeError):
    """The tokenizer's file is missing, broken, or not the one whose counts were proven: nothing may be billed by it."""


class ImageUrl(msgspec.Struct, frozen=True):
    """`detail` changes no count: Magistral's encoder ignores it (MISTRAL.md section 4)."""

    url: str
    detail: str | None = None


class Part(msgspec.Struct, frozen=True):
    """One content part.

    `thinking` is a list of parts in the Mistral API and a string in vLLM; `closed: false` leaves its end open.
    """

    type: str
    text: str | None = None
    image_url: ImageUrl | str | None = None
    thinking: "list[Part] | str | None" = None
    closed: bool | None = None
    reference_ids: msgspec.Raw = NOTHING

    @property
    def url(self) -> str:
        """Where an image is; "" for any other part."""
        if isinstance(self.image_url, ImageUrl):
            return self.image_url.url
        return self.image_url or ""

    @property
    def thought(self) -> str:
        """What was thought, in one string: a worker gets the Mistral API's list joined."""
        if isinstance(self.thinking, list):
            return "".join(part.text or "" for part in self.thinking)
        return self.thinking or ""


class FunctionCall(msgspec.Struct, frozen=True):
    """`arguments` is JSON within a JSON string, or an object; it stays as the client wrote it until counted."""

    name: str = ""
    arguments: msgspec.Raw = NOTHING


class ToolCall(msgspec.Struct, frozen=True):
    function: FunctionCall | None = None
    id: str | None = None


class Function(msgspec.Struct, frozen=True):
    """`parameters` stays as the client wrote it: a template dumps it again, in its own spacing."""

    name: str = ""
    description: str | None = None
    parameters: msgspec.Raw = NOTHING


class Tool(msgspec.Struct, frozen=True):
    type: str = "function"
    function: Function | None = None


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    prefix: bool | None = None

    @property
    def thought(self) -> str | None:
        """What vLLM calls `reasoning` and others `reasoning_content`; clients may echo both."""
        return self.reasoning_content if self.reasoning is None else self.reasoning


class Prompt(msgspec.Struct, frozen=True):
    """What is said and with which tools: exactly what a prompt's tokens come from.

    Raises:
        PromptRejected: something in it has no price, or lacks what its size depends on.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()

    def __post_init__(self) -> None:
        for i, message in enumerate(self.messages):
            if message.role not in ROLES:
                raise PromptRejected(
                    f"{message.role!r} is no role; use one of {', '.join(ROLES)}", f"messages[{i}].role"
                )
            if isinstance(message.content, list):
                _check_parts(message.content, f"messages[{i}].content", PRICED_PARTS)
            for j, call in enumerate(message.tool_calls or ()):
                if call.function is None:
                    where = f"messages[{i}].tool_calls[{j}].function"
                    raise PromptRejected("a tool call needs its function; no other kind has a price", where)
        for i, tool in enumerate(self.tools):
            if tool.type != "function":
                raise PromptRejected(
                    f"tools of type {tool.type!r} have no price here; use functions", f"tools[{i}].type"
                )
            if tool.function is None:
                raise PromptRejected("a tool needs its function", f"tools[{i}].function")


class FimPrompt(msgspec.Struct, frozen=True):
    """What stands before the middle that is asked for, and what stands after it."""

    prompt: str
    suffix: str = ""


class Inputs(msgspec.Struct, frozen=True):
    """What is to be embedded, each in a context of its own: texts, or token ids that the client made itself."""

    items: tuple[str | list[int], ...]


AnyPrompt = Prompt | FimPrompt | Inputs
"""A chat's, a FIM request's, an embedding's: what is bounded, counted and held for all alike."""


class PromptBound(msgspec.Struct, frozen=True):
    """No worker counts more than this, but for what its chat template adds by itself.

    `longest_tokens_max` is of the longest of several inputs; a prompt that is one has none.
    """

    text_tokens_max: int
    image_tokens_max: int
    longest_tokens_max: int | None = None

    @property
    def context_tokens_max(self) -> int:
        """What has to fit into the model's context."""
        if self.longest_tokens_max is not None:
            return self.longest_tokens_max
        return self.text_tokens_max + self.image_tokens_max


class PromptCount(msgspec.Struct, frozen=True):
    """Exact, unless `images_unread`: that many pictures are links, counted as the largest there can be.

    Control tokens of the template are text; `[IMG]`, `[IMG_BREAK]` and `[IMG_END]` are image.
    """

    prompt_tokens: int
    image_tokens: int
    images_unread: int = 0
    longest_tokens: int | None = None

    @property
    def text_tokens(self) -> int:
        return self.prompt_tokens - self.image_tokens

    @property
    def context_tokens(self) -> int:
        """What has to fit into the model's context: of several inputs, the longest."""
        return self.prompt_tokens if self.longest_tokens is None else self.longest_tokens


def _check_parts(parts: list[Part], where: str, allowed: tuple[str, ...]) -> None:
    for i, part in enumerate(parts):
        if part.type not in allowed:
            raise PromptRejected(
                f"content of type {part.type!r} has no price here; use {', '.join(allowed)}",
                f"{where}[{i}].type",
            )
        needed: dict[str, Any] = {
            "text": part.text,
            "image_url": part.image_url,
            "thinking": part.thinking,
            "reference": "",
        }
        if needed[part.type] is None:
            raise PromptRejected(
                f"a part of type {part.type!r} needs its {part.type}", f"{where}[{i}].{part.type}"
            )
        if isinstance(part.thinking, list):
            _check_parts(part.thinking, f"{where}[{i}].thinking", PARTS_OF_THINKING)
