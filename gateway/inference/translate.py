"""The body a worker gets: the client's own bytes, but for the few fields that must differ.

Always ours: `model` (the worker's name for it), `max_tokens` (what the hold affords; left out where the client left it
out and the balance covers the whole context, so that the worker uses what fits), and on streams the options that make
it report its usage.  What Mistral's clients spell differently is respelled for other servers.
"""

import hashlib
from functools import lru_cache

import msgspec

from gateway.inference.events import Dialect
from gateway.inference.request import ChatRequest
from gateway.inference.rewrite_messages import continues, rewrite_messages
from gateway.inference.tally import Sizes
from gateway.tokens.types import Prompt
from gateway.workers.types import Kind, Worker

_encoder = msgspec.json.Encoder()

_CONTINUOUS_USAGE: frozenset[Kind] = frozenset({"vllm", "sglang"})
"""Kinds that put usage on every chunk when asked, so that a cut stream has exact counts."""

_MISTRAL_ONLY = frozenset(("prompt_mode", "safe_prompt", "guardrails", "prompt_cache_key", "service_tier"))
"""Fields that other servers refuse or do not know.  None of them changes what is billed."""


_OURS = frozenset(
    ("max_tokens", "max_completion_tokens", "max_cost_usd", "stream_options", "n_predict", "n_cmpl")
)
"""Fields that are said anew, or not at all: `n_predict` and `n_cmpl` are llama.cpp's own words for `max_tokens` and `n`, and
win there: an answer beyond the hold, or several of them."""


def dialect_spoken(kind: Kind) -> Dialect:
    return "mistral" if kind == "mistral" else "openai"


def translate(request: ChatRequest, worker: Worker, sizes: Sizes) -> bytes:
    fields = {name: raw for name, raw in request.fields.items() if name not in _OURS}
    fields["model"] = _raw(worker.models[sizes.model.id])
    if request.output_tokens_max is not None or sizes.output_tokens_max < sizes.model.context_tokens:
        fields["max_tokens"] = _raw(sizes.output_tokens_max)
    if worker.kind == "mistral":
        _respell(fields, "seed", "random_seed")
        return _encoder.encode(fields)
    if request.stream:
        _report_usage(fields, worker.kind)
    _respell_for_workers(fields, request, worker.kind)
    if worker.kind == "vllm":
        _speak_vllm(fields, request)
    return _encoder.encode(fields)


def _report_usage(fields: dict[str, msgspec.Raw], kind: Kind) -> None:
    options = {"include_usage": True}
    if kind in _CONTINUOUS_USAGE:
        options["continuous_usage_stats"] = True
    fields["stream_options"] = _raw(options)
    if kind == "llamacpp":
        fields["timings_per_token"] = _raw(obj=True)


def _respell_for_workers(fields: dict[str, msgspec.Raw], request: ChatRequest, kind: Kind) -> None:
    """What the Mistral API's clients say, whoever they are: no server of ours means anything else by it."""
    for name in _MISTRAL_ONLY & fields.keys():
        del fields[name]
    _respell(fields, "random_seed", "seed")
    if bytes(fields.get("tool_choice", b"")) == b'"any"':
        fields["tool_choice"] = _raw("required")
    if isinstance(request.prompt, Prompt):
        fields["messages"] = rewrite_messages(fields["messages"], request.prompt, kind)


def _speak_vllm(fields: dict[str, msgspec.Raw], request: ChatRequest) -> None:
    """A salt for its prefix cache, which all tenants would share, and could time each other by; and its word for `prefix`."""
    if request.account_id:
        fields["cache_salt"] = _salt(request.account_id, bytes(fields.get("cache_salt", b"")))
    if isinstance(request.prompt, Prompt) and continues(request.prompt):
        fields["continue_final_message"], fields["add_generation_prompt"] = _raw(obj=True), _raw(obj=False)


@lru_cache(maxsize=1024)
def _salt(account_id: str, own: bytes) -> msgspec.Raw:
    return _raw(hashlib.sha256(account_id.encode() + b"\n" + own).hexdigest())


def _respell(fields: dict[str, msgspec.Raw], old: str, new: str) -> None:
    if old in fields:
        fields.setdefault(new, fields.pop(old))


def _raw(obj: object) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(obj))
