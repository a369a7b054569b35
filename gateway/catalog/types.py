"""The price book as frozen values.  Prices are integer nano-dollars per million tokens."""

from typing import Literal, get_args

import msgspec

Operation = Literal["chat", "fim", "embeddings"]
"""What can be asked of a model: an answer to messages, the middle of a text, vectors."""

OPERATIONS: tuple[Operation, ...] = get_args(Operation)

TOKEN_CLASSES = ("input_text", "input_image", "input_cached", "output_text", "output_reasoning")
"""Disjoint: each token of a request belongs to exactly one, and each has its own price."""


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nano-dollars per million tokens of each class."""

    input_text: int
    input_image: int
    input_cached: int
    output_text: int
    output_reasoning: int

    @property
    def input_max(self) -> int:
        """The dearest a text token of the prompt can be; what a hold assumes."""
        return max(self.input_text, self.input_cached)

    @property
    def image_max(self) -> int:
        return max(self.input_image, self.input_cached)

    @property
    def output_max(self) -> int:
        return max(self.output_text, self.output_reasoning)


class SystemChunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of a default system prompt: text, or thinking."""

    text: str = ""
    thinking: str = ""

    def as_part(self) -> dict[str, object]:
        """As a message's content part, in the Mistral API's spelling."""
        if self.thinking:
            return {"type": "thinking", "thinking": [{"type": "text", "text": self.thinking}], "closed": True}
        return {"type": "text", "text": self.text}


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`upstreams` maps a provider (`mistral`) to its name for the model; workers are matched by id or alias."""

    id: str
    prices: Prices
    context_tokens: int
    created: int
    """Unix seconds of its release: OpenAI's field."""
    owned_by: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    vision: bool = False
    reasoning: bool = False
    tools: bool = False
    chat: bool = True
    fim: bool = False
    """It was trained to fill in the middle: between a prompt and a suffix."""
    embeddings: bool = False
    template_tokens_max: int = 256
    """The most tokens that a worker's chat template adds by itself (a default system prompt): held, not billed."""
    tokenizer: str = "bytes"
    """Who counts its prompts: `tekken-v13`, a tekken file's path, `worker` (it is asked), `bytes` (a bound only)."""
    believed_kinds: tuple[str, ...] = ("vllm", "mistral", "openai")
    """Kinds of worker whose input counts are believed; others (llama.cpp, Ollama, …) are billed by ours (ADR 0006)."""
    upstreams: dict[str, str] = {}
    default_system_prompt: tuple[SystemChunk, ...] = ()
    """What it was trained to be told; added where a client sends no system prompt of its own, and billed."""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What it offers."""
        return tuple(name for name in OPERATIONS if getattr(self, name))

    @property
    def generates(self) -> bool:
        """Whether it has an answer of tokens, which needs a price."""
        return self.chat or self.fim

    @property
    def counted_here(self) -> bool:
        """Whether this gateway itself can count its prompts, exactly."""
        return self.tokenizer not in ("worker", "bytes")


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tokens of a calendar month up to `up_to_tokens` (None: without end) are priced `discount_percent` lower.

    Counted for each model and token class apart (ADR 0007), so that a month's total does not depend on order.
    """

    up_to_tokens: int | None
    discount_percent: int


class PriceBook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    effective_from_us: int
    sign_up_nanousd: int
    monthly_free_nanousd: int
    tiers: tuple[Tier, ...]
    models: tuple[Model, ...]


class TokenCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many tokens a request took.  Image and cached are part of input; reasoning is part of output."""

    input_tokens: int = 0
    input_image_tokens: int = 0
    input_cached_tokens: int = 0
    output_tokens: int = 0
    output_reasoning_tokens: int = 0

    def __post_init__(self) -> None:
        if min(msgspec.structs.astuple(self)) < 0:
            raise ValueError(f"a negative token count: {self}")
        if max(self.input_image_tokens, self.input_cached_tokens) > self.input_tokens:
            raise ValueError(f"image and cached tokens are part of the input, yet exceed it: {self}")
        if self.output_reasoning_tokens > self.output_tokens:
            raise ValueError(f"reasoning tokens are part of the output, yet exceed it: {self}")


class Starts(msgspec.Struct, frozen=True, kw_only=True):
    """How many tokens of each class an account had used of a model in the month, before the request at hand."""

    input_text: int = 0
    input_image: int = 0
    input_cached: int = 0
    output_text: int = 0
    output_reasoning: int = 0


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a bill: so many tokens of a class in one discount tier, at a list price."""

    token_class: str
    tokens: int
    price_nanousd_per_mtok: int
    discount_percent: int
    cost_nanousd: int
