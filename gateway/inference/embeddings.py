"""Embeddings: OpenAI's and Mistral's request, what a worker gets for it, and the answer, which suits both clients.

`encoding_format` travels on as it came: vLLM, llama.cpp, OpenAI and the Mistral API know `base64`, which openai's client
asks for by itself.  A server that does not know it sends floats, and they are packed here, little-endian float32.
"""

import base64
import struct
from typing import Annotated, Any, Literal

import msgspec

from gateway.errors import BadRequest, WorkerFailed
from gateway.inference.decode import decode
from gateway.inference.events import Event
from gateway.inference.request import ChatRequest, ModelName, decode_body, max_cost
from gateway.inference.respond import Responder
from gateway.kit.ids import new_id
from gateway.tokens.types import Inputs
from gateway.workers.types import Worker

INPUTS_MAX = 2048
"""OpenAI's limit."""

_encoder = msgspec.json.Encoder()

_NOT_FOR_WORKERS = ("max_cost_usd", "messages", "stream_options", "truncate_prompt_tokens")
"""Ours; or, to vLLM, another request than the one that was bounded."""

_Token = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
_Input = str | list[str | _Token | list[_Token]]
_Dimensions = Annotated[int, msgspec.Meta(ge=1)]


class _View(msgspec.Struct, frozen=True):
    """`dimensions` is OpenAI's word, `output_dimension` Mistral's."""

    model: ModelName
    input: _Input
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: _Dimensions | None = None
    output_dimension: _Dimensions | None = None
    output_dtype: str | None = None
    stream: bool | None = None


class _Item(msgspec.Struct):
    embedding: msgspec.Raw


class _Answer(msgspec.Struct):
    data: list[msgspec.Raw]


_view = msgspec.json.Decoder(_View)
_answer = msgspec.json.Decoder(_Answer)
_item = msgspec.json.Decoder(_Item)
_fields = msgspec.json.Decoder(dict[str, Any])
_floats = msgspec.json.Decoder(list[float])


def parse_embeddings(body: bytes) -> ChatRequest:
    """Raises BadRequest: what is wrong, and where."""
    view, fields = decode_body(_view, body)
    if view.stream:
        raise BadRequest("embeddings come whole; leave stream out", param="stream")
    return ChatRequest(
        operation="embeddings",
        model=view.model,
        prompt=Inputs(_inputs(view.input)),
        stream=False,
        include_usage=True,
        output_tokens_max=0,
        max_cost_nanousd=max_cost(fields),
        dialect="mistral",
        fields=fields,
    )


def _inputs(given: _Input) -> tuple[str | list[int], ...]:
    """One text, texts, one text's token ids, or several texts' token ids."""
    items: list[Any] = [given] if isinstance(given, str) else given
    kinds = {type(item) for item in items}
    if len(kinds) > 1:
        raise BadRequest("the inputs must all be texts, or all be lists of token ids", param="input")
    if kinds == {int}:
        items = [items]
    if not items:
        raise BadRequest("there is nothing to embed: send a text, or several", param="input")
    if len(items) > INPUTS_MAX:
        raise BadRequest(
            f"at most {INPUTS_MAX} inputs, not {len(items)}; send several requests", param="input"
        )
    for i, item in enumerate(items):
        if not item:
            where = "input" if isinstance(given, str) else f"input[{i}]"
            raise BadRequest("an input must not be empty", param=where)
    return tuple(items)


def takes_texts(request: ChatRequest) -> bool:
    """Whether its inputs are texts, which every server understands; token ids not all do."""
    assert isinstance(request.prompt, Inputs), "an embedding's prompt is its inputs"
    return all(isinstance(item, str) for item in request.prompt.items)


def wants_floats(request: ChatRequest) -> bool:
    """Whether it asks for the type that every server has; `int8`, `binary` and others are the Mistral API's."""
    return bytes(request.fields.get("output_dtype", b"null")) in {b"null", b'"float"'}


def translate_embeddings(request: ChatRequest, worker: Worker, model_id: str) -> bytes:
    """The client's own body, but for the model's name and the word for the dimensions."""
    fields = {name: raw for name, raw in request.fields.items() if name not in _NOT_FOR_WORKERS}
    fields["model"] = msgspec.Raw(_encoder.encode(worker.models[model_id]))
    mistral, others = "output_dimension", "dimensions"
    old, new = (others, mistral) if worker.kind == "mistral" else (mistral, others)
    if old in fields:
        fields.setdefault(new, fields.pop(old))
    if worker.kind != "mistral":
        fields.pop("output_dtype", None)
    return _encoder.encode(fields)


class Vectors(Responder):
    """A whole answer's encoder: the worker's vectors under an envelope that both official clients accept."""

    def __init__(self, request: ChatRequest) -> None:
        super().__init__(client="mistral", worker="mistral", include_usage=True)
        assert isinstance(request.prompt, Inputs), "an embedding's prompt is its inputs"
        self._inputs = len(request.prompt.items)
        asked = bytes(request.fields.get("encoding_format", b"")) == b'"base64"'
        self._packs = asked and wants_floats(request)
        self._id = new_id("embd")
        self._data: list[msgspec.Raw] = []

    def read(self, body: bytes) -> Event:
        """Raises WorkerFailed: no embeddings, or not as many as inputs."""
        event = decode(body)
        try:
            data = _answer.decode(body).data
            self._data = [_packed(item) for item in data] if self._packs else data
        except (msgspec.DecodeError, OverflowError) as error:
            raise WorkerFailed(
                "the worker sent something that is no embeddings; nothing was charged", work_started=True
            ) from error
        if len(data) != self._inputs:
            raise WorkerFailed(
                f"the worker sent {len(data)} embeddings for {self._inputs} inputs; nothing was charged",
                work_started=True,
            )
        return event

    def whole(self, body: bytes, event: Event, usage: dict[str, Any]) -> bytes:  # noqa: ARG002 - it was read
        """llama.cpp gives its answer no id, which Mistral's client demands."""
        head = {"id": event.id or self._id, "object": "list", "model": event.model}
        return _encoder.encode({**head, "data": self._data, "usage": usage})


def _packed(item: msgspec.Raw) -> msgspec.Raw:
    """Floats become base64; what is base64 already stays.  Raises OverflowError: a number that is no float32."""
    embedding = _item.decode(item).embedding
    if not bytes(embedding).startswith(b"["):
        return item
    floats = _floats.decode(embedding)
    packed = base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode("ascii")
    return msgspec.Raw(_encoder.encode(_fields.decode(item) | {"embedding": packed}))
