"""Fill in the middle: Mistral's request, and what a server of completions gets for it (DESIGN section 5).

The Mistral API takes the request as it is.  A local worker gets the prompt's token ids (tokens/fim.py): its own
tokenizer would read a control token's name in somebody's code as the token, and its own template is not known here.
"""

import msgspec

from gateway.errors import BadRequest
from gateway.inference.request import (
    ChatRequest,
    ModelName,
    TokensMax,
    decode_body,
    max_cost,
    refuse_several,
)
from gateway.inference.tally import Sizes
from gateway.tokens.types import FimPrompt
from gateway.workers.types import Worker

_encoder = msgspec.json.Encoder()

_NOT_FOR_WORKERS = ("suffix", "messages", "echo", "best_of", "prompt_embeds")
"""What would come a second time (the suffix is among the ids), or be generated and not billed."""


class _View(msgspec.Struct, frozen=True):
    model: ModelName
    prompt: str
    suffix: str | None = None
    stream: bool | None = None
    max_tokens: TokensMax | None = None
    n: int | None = None


_view = msgspec.json.Decoder(_View)


def parse_fim(body: bytes) -> ChatRequest:
    """Its answer is spelled Mistral's way for every client: OpenAI has no such request.  Raises BadRequest."""
    view, fields = decode_body(_view, body)
    refuse_several(view.n)
    if not view.prompt and not view.suffix:
        raise BadRequest("there is nothing to complete: send a prompt, a suffix, or both", param="prompt")
    return ChatRequest(
        operation="fim",
        model=view.model,
        prompt=FimPrompt(view.prompt, view.suffix or ""),
        stream=bool(view.stream),
        include_usage=True,
        output_tokens_max=view.max_tokens,
        max_cost_nanousd=max_cost(fields),
        dialect="mistral",
        fields=fields,
    )


def as_completion(
    request: ChatRequest, worker: Worker, sizes: Sizes, ids: list[int]
) -> tuple[ChatRequest, Sizes]:
    """The same as a completion of token ids, with `max_tokens` always said: left out, servers take 16.

    It is at most what this worker's context has room for, where that is known: vLLM refuses more.
    """
    fields = {name: raw for name, raw in request.fields.items() if name not in _NOT_FOR_WORKERS}
    fields["prompt"] = msgspec.Raw(_encoder.encode(ids))
    context = worker.contexts.get(sizes.model.id, sizes.model.context_tokens)
    room = max(1, min(context, sizes.model.context_tokens) - len(ids))
    return (
        msgspec.structs.replace(request, fields=fields),
        msgspec.structs.replace(sizes, output_tokens_max=min(sizes.output_tokens_max, room)),
    )
