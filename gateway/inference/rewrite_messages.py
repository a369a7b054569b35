"""What workers of ours do not take of Mistral's messages, respelled: thinking, references, pictures as bare strings.

Only messages that hold such parts are touched; all others are passed on byte for byte.
"""

from typing import Any

import msgspec

from gateway.tokens.types import Message, Prompt
from gateway.workers.types import Kind

_TAKES_THINKING: frozenset[Kind] = frozenset({"vllm"})
"""As a part whose `thinking` is a string (vLLM 0.32, renderers/chat_utils.py).  Others get it in the template's own words:
llama.cpp reads control tokens in what its template renders, and so reads `[THINK]` as the token that it stands for."""

_encoder = msgspec.json.Encoder()
_list = msgspec.json.Decoder(list[msgspec.Raw])
_fields = msgspec.json.Decoder(dict[str, Any])


def rewrite_messages(raw: msgspec.Raw, prompt: Prompt, kind: Kind) -> msgspec.Raw:
    """The `messages` that a worker of this kind takes."""
    foreign = [number for number, message in enumerate(prompt.messages) if _is_foreign(message)]
    if not foreign:
        return raw
    messages = _list.decode(raw)
    for number in foreign:
        fields = _fields.decode(messages[number])
        fields["content"] = _content(fields["content"], kind)
        messages[number] = msgspec.Raw(_encoder.encode(fields))
    return msgspec.Raw(_encoder.encode(messages))


def continues(prompt: Prompt) -> bool:
    """Whether the client wants its own beginning of the answer to be continued (`prefix`)."""
    last = prompt.messages[-1]
    return last.role == "assistant" and bool(last.prefix)


def _is_foreign(message: Message) -> bool:
    return isinstance(message.content, list) and any(
        part.type in ("thinking", "reference") or isinstance(part.image_url, str) for part in message.content
    )


def _content(parts: list[dict[str, Any]], kind: Kind) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    thought = False
    for part in parts:
        if part["type"] == "reference":
            continue  # no tokens in Mistral's template
        if part["type"] == "thinking" and kind not in _TAKES_THINKING:
            # One text with its neighbours: between parts a template may put a line break, and Mistral's has none here.
            text, thought = (
                f"[THINK]{_thought(part)}{'' if part.get('closed') is False else '[/THINK]'}",
                True,
            )
            if found and found[-1]["type"] == "text":
                found[-1] = {"type": "text", "text": found[-1]["text"] + text}
            else:
                found.append({"type": "text", "text": text})
        elif part["type"] == "text" and thought:
            found[-1] = {"type": "text", "text": found[-1]["text"] + part["text"]}
            thought = False
        else:
            found.append(_respelled(part))
    return found


def _respelled(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "thinking":
        closed = part.get("closed") is not False
        return {"type": "thinking", "thinking": _thought(part), "closed": closed}
    if part["type"] == "image_url" and isinstance(part["image_url"], str):
        return {"type": "image_url", "image_url": {"url": part["image_url"]}}
    return part


def _thought(part: dict[str, Any]) -> str:
    """A list of parts in the Mistral API, a string in vLLM; a reference in it has no text."""
    thinking = part["thinking"]
    return thinking if isinstance(thinking, str) else "".join(piece.get("text") or "" for piece in thinking)
