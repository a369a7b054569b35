"""The Mistral API's spelling of an Event, for its clients, which insist (MISTRAL.md section 1.4).

`finish_reason` is on every chunk, `usage` on the last and nowhere else (a null breaks the JavaScript client), a
tool call always has a name (empty after the first piece), and thinking is a list of chunks.
"""

from typing import Any

import msgspec

from gateway.inference.events import Delta, Event, ToolDelta

_encoder = msgspec.json.Encoder()

TOOL_CALL_ID_CHARS = 9
"""Mistral's tokenizer accepts ids of nine alphanumerics only; vLLM keeps the last nine of a longer one."""


def encode_chunk(event: Event, usage: dict[str, Any] | None = None) -> bytes:
    choices = []
    for delta in event.deltas:
        message = _message(delta)
        if delta.role is not None:
            message["role"] = delta.role
        choices.append({"index": delta.index, "delta": message, "finish_reason": _reason(delta)})
    body = _head(event, "chat.completion.chunk") | {"choices": choices}
    return _encoder.encode(body if usage is None else body | {"usage": usage})


def encode_whole(event: Event, usage: dict[str, Any]) -> bytes:
    choices = [
        {
            "index": delta.index,
            "message": {"role": "assistant", "tool_calls": None, "prefix": False} | _message(delta),
            "finish_reason": _reason(delta) or "stop",
        }
        for delta in event.deltas
    ]
    return _encoder.encode(_head(event, "chat.completion") | {"choices": choices, "usage": usage})


def _head(event: Event, kind: str) -> dict[str, Any]:
    return {"id": event.id, "object": kind, "created": event.created, "model": event.model}


def _reason(delta: Delta) -> str | None:
    return {"function_call": "tool_calls"}.get(delta.finish_reason or "", delta.finish_reason)


def _message(delta: Delta) -> dict[str, Any]:
    message: dict[str, Any] = {"content": delta.text}
    if delta.reasoning:
        parts: list[dict[str, Any]] = [
            {"type": "thinking", "thinking": [{"type": "text", "text": delta.reasoning}]}
        ]
        if delta.text:
            parts[0]["closed"] = True
            parts.append({"type": "text", "text": delta.text})
        message["content"] = parts
    if delta.tool_calls:
        message["tool_calls"] = [_tool(call) for call in delta.tool_calls]
    return message


def _tool(call: ToolDelta) -> dict[str, Any]:
    call_id = "null" if call.id is None else "".join(filter(str.isalnum, call.id))[-TOOL_CALL_ID_CHARS:]
    return {
        "id": call_id,
        "type": "function",
        "index": call.index,
        "function": {"name": call.name or "", "arguments": call.arguments},
    }
