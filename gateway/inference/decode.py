"""From a worker's bytes to an Event: vLLM, SGLang, llama.cpp, Ollama, OpenAI's and the Mistral API's shapes.

(MISTRAL.md sections 1.6 and 6.)  Counts are checked here: a worker that reports nonsense is a failed worker.
"""

from typing import Annotated, Any

import msgspec

from gateway.errors import WorkerFailed
from gateway.inference.events import Delta, Event, ToolDelta, Usage

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function = msgspec.field(default_factory=_Function)


class _Part(msgspec.Struct):
    type: str = "text"
    text: str | None = None
    thinking: "list[_Part] | str | None" = None


class _Message(msgspec.Struct):
    role: str | None = None
    content: str | list[_Part] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Message | None = None
    message: _Message | None = None
    text: str | None = None
    """A completion's, whose choices have no messages."""
    finish_reason: str | None = None
    logprobs: Any = None


class _Multimodal(msgspec.Struct):
    image: _Count | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: _Count | None = None
    image_tokens: _Count | None = None
    multimodal_tokens: _Multimodal | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: _Count | None = None


class _Counts(msgspec.Struct):
    prompt_tokens: _Count = 0
    completion_tokens: _Count = 0
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Timings(msgspec.Struct):
    """llama.cpp's: `cache_n` tokens of the prompt came from its cache, `prompt_n` were processed."""

    cache_n: _Count = 0
    prompt_n: _Count = 0
    predicted_n: _Count = 0


class _Body(msgspec.Struct):
    id: str = ""
    created: int = 0
    model: str = ""
    choices: list[_Choice] = []
    usage: msgspec.Raw = msgspec.Raw(b"null")
    timings: _Timings | None = None
    error: Any = None


_body = msgspec.json.Decoder(_Body)
_counts = msgspec.json.Decoder(_Counts | None)
_fields = msgspec.json.Decoder(dict[str, Any])


def decode(payload: bytes) -> Event:
    """One chunk of a stream, or a whole answer.

    Raises:
        WorkerFailed: it is not a completion, reports an error, or counts that cannot be.
    """
    try:
        body = _body.decode(payload)
        usage = read_usage(body.usage) or _from_timings(body.timings)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WorkerFailed(
            "the worker sent something that is no completion; nothing was charged", work_started=True
        ) from error
    if body.error is not None:
        raise WorkerFailed(
            "the worker reported an error in its answer; nothing was charged", work_started=True
        )
    deltas = tuple([_delta(choice) for choice in body.choices])
    return Event(id=body.id, created=body.created, model=body.model, deltas=deltas, usage=usage)


def _from_timings(timings: _Timings | None) -> Usage | None:
    """llama.cpp puts these on every chunk when asked to."""
    if timings is None:
        return None
    return Usage(
        input_tokens=timings.cache_n + timings.prompt_n,
        output_tokens=timings.predicted_n,
        cached_tokens=timings.cache_n,
        image_tokens=None,
        reasoning_tokens=None,
        fields={},
    )


def read_usage(raw: bytes) -> Usage | None:
    """A chunk's or an answer's `usage`; None for null.  Raises msgspec.ValidationError: counts that cannot be."""
    counts = _counts.decode(raw)
    if counts is None:
        return None
    inputs = counts.prompt_tokens_details or _InputDetails()
    outputs = counts.completion_tokens_details or _OutputDetails()
    images = inputs.multimodal_tokens.image if inputs.multimodal_tokens else inputs.image_tokens
    cached, reasoning = inputs.cached_tokens or 0, outputs.reasoning_tokens
    too_much = max(cached, images or 0) > counts.prompt_tokens or (reasoning or 0) > counts.completion_tokens
    if too_much:
        raise msgspec.ValidationError("the parts exceed the whole")
    return Usage(
        input_tokens=counts.prompt_tokens,
        output_tokens=counts.completion_tokens,
        cached_tokens=cached,
        image_tokens=images,
        reasoning_tokens=reasoning,
        fields=_fields.decode(raw),
    )


def _delta(choice: _Choice) -> Delta:
    message = choice.delta or choice.message or _Message()
    text, thinking = _content(message.content)
    return Delta(
        index=choice.index,
        role=message.role,
        text=text or choice.text or "",
        reasoning=thinking or message.reasoning or message.reasoning_content or "",
        tool_calls=tuple(_tool(call, position) for position, call in enumerate(message.tool_calls))
        if message.tool_calls
        else (),
        finish_reason=choice.finish_reason,
        logprobs=choice.logprobs,
    )


def _content(content: str | list[_Part] | None) -> tuple[str, str]:
    """Text and thinking; the Mistral API sends a list of parts while it thinks, and strings afterwards."""
    if content is None or isinstance(content, str):
        return content or "", ""
    text = "".join(part.text or "" for part in content if part.type == "text")
    return text, "".join(_thinking(part) for part in content if part.type == "thinking")


def _thinking(part: _Part) -> str:
    if isinstance(part.thinking, list):
        return "".join(piece.text or "" for piece in part.thinking)
    return part.thinking or ""


def _tool(call: _ToolCall, position: int) -> ToolDelta:
    arguments = call.function.arguments
    if isinstance(arguments, dict):
        arguments = msgspec.json.encode(arguments).decode()
    index = position if call.index is None else call.index
    # The Mistral API repeats a call as id "null" with an empty name; OpenAI leaves both out.
    known = call.id not in (None, "", "null")
    return ToolDelta(index, call.id if known else None, call.function.name or None, arguments or "")
