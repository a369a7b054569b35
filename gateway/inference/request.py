"""A client's body, parsed once: a typed view of what matters, and the raw fields that are passed on untouched."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, TypeVar

import msgspec

from gateway.catalog.types import Operation
from gateway.errors import BadRequest
from gateway.inference.events import Dialect
from gateway.kit.money import parse_usd
from gateway.tokens.decode import explain
from gateway.tokens.types import AnyPrompt, Message, Prompt, PromptRejected, Tool

T = TypeVar("T")

_DIGITS_MAX = 20
"""Before or after the point; `1e999999999` is not written out."""

MISTRAL_PREFIX = "/mistral"
"""A base URL for clients of the Mistral API that do not call themselves so: LangChain's, those of other languages."""

ModelName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
TokensMax = Annotated[int, msgspec.Meta(ge=1)]


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


class _View(msgspec.Struct, frozen=True):
    """The fields Tollway understands; all others are the worker's business."""

    model: ModelName
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    tools: list[Tool] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: TokensMax | None = None
    max_completion_tokens: TokensMax | None = None
    n: int | None = None


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Of any operation.  `output_tokens_max` and `max_cost_nanousd` are what the client allows (None: no limit); `fields` is its body, raw.

    Vectors are no tokens: an embedding's `output_tokens_max` is 0.
    """

    operation: Operation = "chat"
    model: str
    prompt: AnyPrompt
    stream: bool
    include_usage: bool
    output_tokens_max: int | None
    max_cost_nanousd: int | None
    dialect: Dialect
    account_id: str = ""
    """Who asks: no two share a worker's prefix cache."""
    fields: dict[str, msgspec.Raw]


_view = msgspec.json.Decoder(_View)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse(body: bytes, dialect: Dialect) -> ChatRequest:
    """Raises BadRequest: what is wrong, and where."""
    view, fields = decode_body(_view, body)
    refuse_several(view.n)
    limits = [limit for limit in (view.max_tokens, view.max_completion_tokens) if limit is not None]
    try:
        prompt = Prompt(messages=tuple(view.messages), tools=tuple(view.tools or ()))
    except PromptRejected as error:
        raise BadRequest(error.message, param=error.param, code=error.code) from error
    return ChatRequest(
        model=view.model,
        prompt=prompt,
        stream=bool(view.stream),
        include_usage=view.stream_options is not None and bool(view.stream_options.include_usage),
        output_tokens_max=min(limits) if limits else None,
        max_cost_nanousd=max_cost(fields),
        dialect=dialect,
        fields=fields,
    )


def refuse_several(n: int | None) -> None:
    """Raises BadRequest."""
    if n not in (None, 1):
        raise BadRequest(
            "n must be 1: servers disagree on how they count several choices, and Tollway bills no guess;"
            " send the request several times instead",
            param="n",
        )


def max_cost(fields: dict[str, msgspec.Raw]) -> int | None:
    """`max_cost_usd` in nano-dollars: dollars as a JSON string or number (`1e-05` is how programs write small ones), exactly: never as a float.

    Raises:
        BadRequest: no amount, or nothing.
    """
    raw = fields.get("max_cost_usd")
    text = "null" if raw is None else bytes(raw).decode()
    if text == "null":
        return None
    text = text.strip('"')
    try:
        number = Decimal(text)
        plain = f"{number:f}" if number.is_finite() and abs(number.adjusted()) < _DIGITS_MAX else text
        nanousd = parse_usd(plain)
    except (ValueError, InvalidOperation) as error:
        reason = f"{text[:50]!r} is not an amount in US dollars; write it like 0.05 (at most nine decimals)"
        raise BadRequest(reason, param="max_cost_usd") from error
    if nanousd <= 0:
        raise BadRequest(
            "max_cost_usd must be more than nothing; leave it out for no limit", param="max_cost_usd"
        )
    return nanousd


def decode_body(view: msgspec.json.Decoder[T], body: bytes) -> tuple[T, dict[str, msgspec.Raw]]:
    """The body as a view of it, and its raw fields.  Raises BadRequest: what is wrong, and where."""
    try:
        return view.decode(body), _fields.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        refusal = explain(error, body)
        where = None if refusal.param == "body" else refusal.param
        raise BadRequest(
            f"{refusal.message}{f' in `{where}`' if where else ''}", param=where, code=refusal.code
        ) from error


def dialect_of(user_agent: str, path: str = "") -> Dialect:
    """Told apart by the client: Mistral's official ones name themselves; others ask below MISTRAL_PREFIX, or speak OpenAI's."""
    named = user_agent.startswith("mistral-client-") or path.startswith(f"{MISTRAL_PREFIX}/")
    return "mistral" if named else "openai"
