"""The fields of requests, each named once: what a method takes, and what goes over the wire."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from tollway._money import Money, Usd
from tollway._tools import AnyTool, Tool, as_tools
from tollway._types.chat import Message

Messages = str | Sequence[Message]
"""Messages in OpenAI's shape; a text is one user's message."""


class Common(TypedDict, total=False):
    """What every request that costs something takes.

    `max_cost_usd`: US dollars it may cost at most; the answer is cut to fit, or refused if the prompt does not.
    `timeout_s`: seconds without a byte, instead of the client's.
    `idempotency_key`: of yours, at most 255 ASCII characters, instead of a random one: a repetition with the same key
    and fields gets the first answer and is billed once.
    `extra_body`: fields that the SDK does not know, sent as they are; they win over the others.
    """

    max_cost_usd: Usd | None
    timeout_s: float | None
    idempotency_key: str | None
    extra_body: Mapping[str, object] | None


class _ChatNeeds(TypedDict):
    model: str
    messages: Messages


class ChatFields(_ChatNeeds, Common, total=False):
    """A chat completion's fields, OpenAI's.  None is not sent, except for `prompt_mode`.

    `max_tokens` bounds the answer, and what is held for it.  `tools` are functions (see `tollway.tool`) or tools in
    OpenAI's shape.  `prompt_mode=None` leaves out the default system prompt of a reasoning model.
    """

    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop: str | Sequence[str] | None
    tools: Sequence[AnyTool] | None
    tool_choice: str | Mapping[str, object] | None
    parallel_tool_calls: bool | None
    response_format: Mapping[str, object] | None
    presence_penalty: float | None
    frequency_penalty: float | None
    seed: int | None
    reasoning_effort: str | None
    prompt_mode: str | None


class _FimNeeds(TypedDict):
    model: str
    prompt: str


class FimFields(_FimNeeds, Common, total=False):
    """Fill in the middle: Mistral's fields.  The answer goes between `prompt` and `suffix`."""

    suffix: str | None
    max_tokens: int | None
    min_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop: str | Sequence[str] | None
    random_seed: int | None


class _EmbeddingsNeeds(TypedDict):
    model: str
    input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]]


class EmbeddingsFields(_EmbeddingsNeeds, Common, total=False):
    """Embeddings: at most 2,048 inputs, as texts or token ids.  `dimensions`: how long the vectors are, where a model can."""

    dimensions: int | None


class _PromptNeeds(TypedDict):
    model: str


class PromptFields(_PromptNeeds, total=False):
    """A prompt to be counted or priced: a chat's `messages` and `tools`, a completion's `prompt` and `suffix`, or an `input`.

    `max_tokens` and `max_cost_usd` as for the request itself; `return_tokens` adds the ids to a count.
    """

    messages: Messages
    tools: Sequence[AnyTool] | None
    prompt_mode: str | None
    prompt: str
    suffix: str | None
    input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]]
    max_tokens: int | None
    max_cost_usd: Usd | None
    return_tokens: bool
    timeout_s: float | None
    extra_body: Mapping[str, object] | None


OF_CHAT = frozenset(ChatFields.__annotations__)
OF_FIM = frozenset(FimFields.__annotations__)
OF_EMBEDDINGS = frozenset(EmbeddingsFields.__annotations__)
OF_PROMPT = frozenset(PromptFields.__annotations__)

_NOT_SENT = frozenset({"timeout_s", "idempotency_key", "extra_body"})
_NULL_MEANS_SOMETHING = frozenset({"prompt_mode"})
_OURS = frozenset({"stream", "stream_options"})


def body_of(fields: Mapping[str, Any], known: frozenset[str], *needed: str) -> dict[str, Any]:
    """What goes over the wire.

    Raises:
        TypeError: a field is missing, or not known.
        ValueError: `extra_body` says whether to stream (the method that was called says that), or no amount.
    """
    if unknown := fields.keys() - known:
        raise TypeError(
            f"there is no field {', '.join(map(repr, sorted(unknown)))}; what the SDK does not know goes into extra_body"
        )
    if missing := [name for name in needed if fields.get(name) is None]:
        raise TypeError(f"{' and '.join(missing)} must be given")
    extra = fields.get("extra_body") or {}
    if ours := _OURS & extra.keys():
        raise ValueError(f"extra_body may not hold {', '.join(sorted(ours))}: call complete or stream")
    body = {
        name: value
        for name, value in fields.items()
        if name not in _NOT_SENT and (value is not None or name in _NULL_MEANS_SOMETHING)
    }
    if "max_cost_usd" in body:
        body["max_cost_usd"] = Money.from_usd(body["max_cost_usd"]).usd
    return body | dict(extra)


def chat_body(fields: ChatFields) -> dict[str, Any]:
    """Raises what `body_of` raises."""
    return _as_chat(body_of(fields, OF_CHAT, "model", "messages"))


def prompt_body(fields: PromptFields) -> dict[str, Any]:
    """Raises what `body_of` raises."""
    return _as_chat(body_of(fields, OF_PROMPT, "model"))


def _as_chat(body: dict[str, Any]) -> dict[str, Any]:
    if isinstance(body.get("messages"), str):
        body["messages"] = [{"role": "user", "content": body["messages"]}]
    if "tools" in body:
        body["tools"] = [
            each.as_json() if isinstance(each, Tool) else each for each in as_tools(body["tools"])
        ]
    return body


def idempotency_key(fields: Mapping[str, Any]) -> str:
    """The caller's own, or a new one."""
    return fields.get("idempotency_key") or uuid.uuid4().hex
