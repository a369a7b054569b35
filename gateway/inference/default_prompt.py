"""The system prompt that a reasoning model was trained with, put first where the client gave none: as the Mistral API does.

Rule (MISTRAL.md section 7): `prompt_mode` left out or "reasoning" uses it, null opts out, and a system prompt of one's own
takes its place.  It is part of the prompt: held, counted, billed.  The Mistral API adds its own to models that it serves;
those have none in our price book, so nothing is added twice.
"""

from functools import lru_cache

import msgspec

from gateway.catalog.types import Model, SystemChunk
from gateway.errors import BadRequest
from gateway.inference.request import ChatRequest
from gateway.tokens.types import Message, Part, Prompt

MODES = (b"null", b'"reasoning"')
_SYSTEM = ("system", "developer")


def with_default_prompt(request: ChatRequest, model: Model) -> ChatRequest:
    """The same, or with the model's default system prompt in front.

    Raises:
        BadRequest: a `prompt_mode` that there is not.
    """
    prompt, mode = request.prompt, bytes(request.fields.get("prompt_mode", b'"reasoning"'))
    if not isinstance(prompt, Prompt):
        return request
    if mode not in MODES:
        raise BadRequest('prompt_mode is "reasoning", or null for no default prompt', param="prompt_mode")
    if mode == b"null" or not model.default_system_prompt or _has_system(prompt):
        return request
    message, raw = _message(model.default_system_prompt)
    messages = msgspec.Raw(b"[" + raw + b"," + bytes(request.fields["messages"])[1:])
    return msgspec.structs.replace(
        request,
        prompt=Prompt(messages=(message, *prompt.messages), tools=prompt.tools),
        fields={**request.fields, "messages": messages},
    )


def _has_system(prompt: Prompt) -> bool:
    return any(message.role in _SYSTEM for message in prompt.messages)


@lru_cache(maxsize=64)
def _message(chunks: tuple[SystemChunk, ...]) -> tuple[Message, bytes]:
    """As it is counted, and as it is sent, in the Mistral API's spelling."""
    parts = [
        Part(type="thinking", thinking=[Part(type="text", text=chunk.thinking)], closed=True)
        if chunk.thinking
        else Part(type="text", text=chunk.text)
        for chunk in chunks
    ]
    spelled = [chunk.as_part() for chunk in chunks]
    return Message(role="system", content=parts), msgspec.json.encode({"role": "system", "content": spelled})
