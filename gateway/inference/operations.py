"""What differs between a chat, a FIM request and an embedding: all else of their way is the same (pipeline.py).

A table of small functions: how a body is read, whom it can be sent to, where and in which words, how the answer is read.
"""

import msgspec

from gateway.catalog.types import OPERATIONS, Model, Operation
from gateway.errors import BadRequest
from gateway.inference.embeddings import (
    Vectors,
    parse_embeddings,
    takes_texts,
    translate_embeddings,
    wants_floats,
)
from gateway.inference.events import Dialect
from gateway.inference.fim import as_completion, parse_fim
from gateway.inference.measure import Measure
from gateway.inference.request import ChatRequest, parse
from gateway.inference.respond import Responder
from gateway.inference.tally import Sizes
from gateway.inference.translate import dialect_spoken, translate
from gateway.workers.registry import Registry
from gateway.workers.types import Kind, Worker

PATHS: dict[Operation, str] = {
    "chat": "/v1/chat/completions",
    "fim": "/v1/fim/completions",
    "embeddings": "/v1/embeddings",
}
"""Ours, and the Mistral API's."""

COMPLETIONS = "/v1/completions"
"""Where a local worker completes token ids."""

WHOLE_ANSWER_HAS: dict[Operation, bytes] = {
    "chat": b'"choices"',
    "fim": b'"choices"',
    "embeddings": b'"data"',
}
"""What tells an answer from nonsense before it is parsed, while another worker can still be asked."""

_TAKES_IDS: frozenset[Kind] = frozenset({"vllm", "sglang", "llamacpp", "openai"})
"""Kinds that take token ids for a prompt or an input; Ollama and the Mistral API want text."""

_MISTRAL: frozenset[Kind] = frozenset({"mistral"})

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])

assert tuple(PATHS) == OPERATIONS == tuple(WHOLE_ANSWER_HAS), "every operation has its row"


def parse_as(operation: Operation, body: bytes, dialect: Dialect) -> ChatRequest:
    """Raises BadRequest."""
    if operation == "chat":
        return parse(body, dialect)
    return parse_fim(body) if operation == "fim" else parse_embeddings(body)


def operation_of(body: bytes) -> Operation:
    """What a body would ask for, where its path does not say: each operation has a field of its own."""
    try:
        fields = _fields.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "chat"  # whose parser says what is wrong with it
    told: dict[str, Operation] = {"messages": "chat", "input": "embeddings", "prompt": "fim"}
    return next((operation for field, operation in told.items() if field in fields), "chat")


def refuse_unoffered(operation: Operation, model: Model) -> None:
    """Raises BadRequest, which says what the model offers."""
    if not getattr(model, operation):
        offered = " and ".join(f"{name} ({PATHS[name]})" for name in model.operations)
        raise BadRequest(
            f"{model.id} has no {PATHS[operation]}; it offers {offered}",
            param="model",
            code="operation_not_offered",
        )


def kinds_for(request: ChatRequest, model: Model, registry: Registry) -> frozenset[Kind] | None:
    """The kinds of worker that understand this request; None: every kind does.

    Raises:
        NoWorker: nobody serves the model.
        BadRequest: nobody who does understands it; says what would have to change.
    """
    if request.operation == "chat":
        return None
    if request.operation == "fim":
        kinds = _TAKES_IDS | _MISTRAL if model.counted_here else _MISTRAL
        reason = (
            f"the workers of {model.id} cannot be asked for FIM: they take token ids, and {model.id} has no"
            " tokenizer in the price book (or they are Ollama, which takes none)"
        )
        param = "model"
    elif not wants_floats(request):
        kinds = _MISTRAL if takes_texts(request) else frozenset()
        reason = f"the workers of {model.id} give floats only; leave output_dtype out"
        param = "output_dtype"
    elif takes_texts(request):
        return None
    else:
        kinds, param = _TAKES_IDS, "input"
        reason = f"the workers of {model.id} take texts, not token ids"
    if not any(worker.kind in kinds for worker in registry.serving(model.id)):
        raise BadRequest(reason, param=param)
    return kinds


async def prepare(request: ChatRequest, worker: Worker, sizes: Sizes, measure: Measure) -> tuple[str, bytes]:
    """Where this worker is asked, and the body that it gets."""
    path = PATHS[request.operation]
    if request.operation == "embeddings":
        return path, translate_embeddings(request, worker, sizes.model.id)
    if request.operation == "fim" and worker.kind != "mistral":
        ids = await measure.ids(sizes.model, sizes.prompt, sizes.bound)
        request, sizes = as_completion(request, worker, sizes, ids)
        path = COMPLETIONS
    return path, translate(request, worker, sizes)


def responder_for(request: ChatRequest, kind: Kind) -> Responder:
    if request.operation == "embeddings":
        return Vectors(request)
    return Responder(client=request.dialect, worker=dialect_spoken(kind), include_usage=request.include_usage)
