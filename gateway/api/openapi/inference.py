"""The three bare ASGI routes of inference, which have no signature to read: what the document says of them."""

from typing import Any, Literal

from gateway.api.openapi.operations import JSON, Operation, Parameter
from gateway.api.openapi.refusals import ANY_4XX
from gateway.api.schemas.inference import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionRequest,
    EmbeddingsAnswer,
    EmbeddingsRequest,
    FimCompletionRequest,
)
from gateway.inference.operations import PATHS

EVENTS = "text/event-stream"

_IDEMPOTENCY = Parameter(
    name="Idempotency-Key",
    place="header",
    type=str,
    required=False,
    description="A repeated key with the same body gets the first answer, and is billed once.",
    limits={"maxLength": 255, "pattern": "^[ -~]*$"},
)
_HEADERS = {
    "x-tollway-max-tokens": "The most tokens the answer may have, where money limits it and not `max_tokens`.",
    "x-ratelimit-remaining-requests": "Where requests are limited: how many are left in this minute.  See docs/limits.md for the others.",
    "x-ratelimit-remaining-tokens": "Where tokens are limited: how many are left in this minute, of input or output, whichever is scarcer.",
    "idempotent-replayed": "`true`: the answer to an earlier request with this Idempotency-Key.",
}
_REFUSALS = (400, 401, 402, 403, 404, 409, 413, 429, 502, 503, 504, ANY_4XX)
_STREAMED = "With `stream` the answer comes as events, each a `ChatCompletionChunk`; the last is `[DONE]`."


def inference_operations() -> tuple[Operation, ...]:
    whole_or_streamed = {JSON: ChatCompletion, EVENTS: ChatCompletionChunk}
    return (
        _operation(
            "chat", f"Answer a conversation.\n\n{_STREAMED}", ChatCompletionRequest, whole_or_streamed
        ),
        _operation("fim", f"Fill in the middle.\n\n{_STREAMED}", FimCompletionRequest, whole_or_streamed),
        _operation("embeddings", "Turn texts into vectors.", EmbeddingsRequest, {JSON: EmbeddingsAnswer}),
    )


def _operation(
    name: Literal["chat", "fim", "embeddings"], text: str, body: Any, answers: dict[str, Any]
) -> Operation:
    verb = "create_embeddings" if name == "embeddings" else f"create_{name}_completion"
    return Operation(
        tag="inference",
        method="post",
        path=PATHS[name],
        id=verb,
        text=text,
        parameters=(_IDEMPOTENCY,),
        body=(body,),
        answers=answers,
        headers=_HEADERS,
        refusals=_REFUSALS,
    )
