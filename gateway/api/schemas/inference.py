"""The bodies of the three routes of inference, which `/v1/tokenize` and `/v1/estimate` share.

For the document alone: requests are decoded by `gateway/inference/`, and what is named neither here nor there is passed on
to the worker as it came.  Answers are the worker's, but for `usage`.
"""

from typing import Annotated, Any, Literal

import msgspec

from gateway.api.schemas.shapes import Count, GivenUsd, NanoUsd, Usd
from gateway.metering.types import Outcome

_Model = Annotated[str, msgspec.Meta(description="Id or alias.", min_length=1, max_length=200)]
_TokensMax = Annotated[int, msgspec.Meta(ge=1)]
_MaxCost = Annotated[
    GivenUsd | float,
    msgspec.Meta(
        description="The most this request may cost, in US dollars: the answer is limited to what it affords."
    ),
]
_One = Annotated[int, msgspec.Meta(description="Servers count several choices differently.", ge=1, le=1)]
_Dimensions = Annotated[int, msgspec.Meta(ge=1)]
_Token = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


class TextPart(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class ImageAddress(msgspec.Struct, frozen=True):
    """An `https:` link, or a `data:image/…;base64,…` URL."""

    url: str
    detail: str | None = None


class ImagePart(msgspec.Struct, frozen=True, tag_field="type", tag="image_url"):
    image_url: ImageAddress | str


class ReferencePart(msgspec.Struct, frozen=True, tag_field="type", tag="reference"):
    reference_ids: list[Any] = []


class ThinkingPart(msgspec.Struct, frozen=True, tag_field="type", tag="thinking"):
    """What a model thought, given back to it; `closed: false` leaves its end open."""

    thinking: list[TextPart | ReferencePart] | str
    closed: bool | None = None


class CalledFunction(msgspec.Struct, frozen=True):
    """`arguments` is JSON text, as the model wrote it."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, frozen=True):
    function: CalledFunction
    id: str | None = None
    type: Literal["function"] = "function"


class FunctionTool(msgspec.Struct, frozen=True):
    """`parameters` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] = {}


class Tool(msgspec.Struct, frozen=True):
    function: FunctionTool
    type: Literal["function"] = "function"


class Message(msgspec.Struct, frozen=True):
    """In OpenAI's or Mistral's spelling."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart | ImagePart | ThinkingPart | ReferencePart] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    prefix: bool | None = None


class ChatCompletionRequest(msgspec.Struct, frozen=True):
    """OpenAI's or Mistral's request; other fields (`temperature`, `response_format`, …) go to the worker as they came."""

    model: _Model
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    tools: list[Tool] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: _TokensMax | None = None
    max_completion_tokens: _TokensMax | None = None
    n: _One | None = None
    max_cost_usd: _MaxCost | None = None
    prompt_mode: Literal["reasoning"] | None = "reasoning"


class FimCompletionRequest(msgspec.Struct, frozen=True):
    """Mistral's request: what stands before the middle that is wanted, and what after it."""

    model: _Model
    prompt: str
    suffix: str | None = None
    stream: bool | None = None
    max_tokens: _TokensMax | None = None
    n: _One | None = None
    max_cost_usd: _MaxCost | None = None


class EmbeddingsRequest(msgspec.Struct, frozen=True):
    """One text, up to 2,048 texts, or token ids; `dimensions` is OpenAI's word, `output_dimension` Mistral's."""

    model: _Model
    input: str | list[str | _Token | list[_Token]]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: _Dimensions | None = None
    output_dimension: _Dimensions | None = None
    output_dtype: str | None = None
    max_cost_usd: _MaxCost | None = None


class CompletionUsage(msgspec.Struct, frozen=True, kw_only=True):
    """The worker's own fields, and what is billed: image tokens are part of the prompt, reasoning of the answer."""

    prompt_tokens: Count
    completion_tokens: Count | msgspec.UnsetType = msgspec.UNSET
    total_tokens: Count | msgspec.UnsetType = msgspec.UNSET
    billed_input_tokens: Count
    billed_output_tokens: Count
    image_tokens: Count
    cost_nanousd: NanoUsd
    cost_usd: Usd
    outcome: Outcome
    credits_remaining_usd: Usd


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """To Mistral's clients `content` is a list of parts while there is thinking; to OpenAI's, thinking is `reasoning`."""

    role: str | msgspec.UnsetType = msgspec.UNSET
    content: str | list[dict[str, Any]] | msgspec.UnsetType | None = msgspec.UNSET
    reasoning: str | msgspec.UnsetType | None = msgspec.UNSET
    reasoning_content: str | msgspec.UnsetType | None = msgspec.UNSET
    tool_calls: list[dict[str, Any]] | msgspec.UnsetType | None = msgspec.UNSET


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """`finish_reason` is `stop`, `length` or `tool_calls`."""

    index: int
    message: Answer
    finish_reason: str | None


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    delta: Answer
    finish_reason: str | msgspec.UnsetType | None = msgspec.UNSET


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, of chat and of FIM."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage


class ChatCompletionChunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an answer.  `usage` is on the last one, for OpenAI's clients if `stream_options` asks for it."""

    id: str
    object: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: CompletionUsage | msgspec.UnsetType = msgspec.UNSET


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """A vector, or with `encoding_format: "base64"` its little-endian float32 in base64."""

    embedding: list[float] | str
    index: int


class EmbeddingsAnswer(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="list"):
    """As many as there were inputs, in their order."""

    id: str
    model: str
    data: list[Embedding]
    usage: CompletionUsage


ANY_REQUEST = (ChatCompletionRequest, FimCompletionRequest, EmbeddingsRequest)
