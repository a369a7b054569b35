"""OpenAI's spelling of an Event, for clients of that dialect (MISTRAL.md sections 1.6 and 2).

Reasoning goes out under both names in use, `reasoning` (vLLM) and `reasoning_content` (llama.cpp, DeepSeek);
thinking chunks would reach these clients as a raw list.
"""

from typing import Any

import msgspec

from gateway.inference.events import Delta, Event, ToolDelta

_encoder = msgspec.json.Encoder()


def encode_chunk(event: Event) -> bytes:
    choices = [
        {
            "index": delta.index,
            "delta": _message(delta, streamed=True),
            "logprobs": delta.logprobs,
            "finish_reason": delta.finish_reason,
        }
        for delta in event.deltas
    ]
    return _encoder.encode(_head(event, "chat.completion.chunk") | {"choices": choices})


def encode_usage(event: Event, usage: dict[str, Any]) -> bytes:
    """The chunk before `[DONE]` that `stream_options.include_usage` asks for."""
    return _encoder.encode(_head(event, "chat.completion.chunk") | {"choices": [], "usage": usage})


def encode_whole(event: Event, usage: dict[str, Any]) -> bytes:
    choices = [
        {
            "index": delta.index,
            "message": {"role": "assistant", "content": None, **_message(delta, streamed=False)},
            "logprobs": delta.logprobs,
            "finish_reason": delta.finish_reason,
        }
        for delta in event.deltas
    ]
    return _encoder.encode(_head(event, "chat.completion") | {"choices": choices, "usage": usage})


def _head(event: Event, kind: str) -> dict[str, Any]:
    return {"id": event.id, "object": kind, "created": event.created, "model": event.model}


def _message(delta: Delta, *, streamed: bool) -> dict[str, Any]:
    message: dict[str, Any] = {}
    if delta.role is not None:
        message["role"] = delta.role
    if delta.text or (delta.role is not None and streamed):
        message["content"] = delta.text
    if delta.reasoning:
        message["reasoning"] = message["reasoning_content"] = delta.reasoning
    if delta.tool_calls:
        message["tool_calls"] = [_tool(call, streamed=streamed) for call in delta.tool_calls]
    return message


def _tool(call: ToolDelta, *, streamed: bool) -> dict[str, Any]:
    function: dict[str, Any] = {"arguments": call.arguments}
    if call.name is not None:
        function["name"] = call.name
    out: dict[str, Any] = {"type": "function", "function": function}
    if streamed:
        out["index"] = call.index
    if call.id is not None:
        out["id"] = call.id
    return out
