"""The body a worker gets: the client's own bytes, but for the few fields that must differ.

Always ours: `model` (the worker's name for it), `max_tokens` (what the hold affords; left out where the client left it
out and the balance covers the whole context, so that the worker uses what fits), and on streams the options that make
it report its usage.  What Mistral's clients spell differently is respelled for other servers.
"""

import msgspec

from gateway.inference.events import Dialect
from gateway.inference.request import ChatRequest
from gateway.inference.tally import Sizes
from gateway.workers.types import Kind, Worker

_encoder = msgspec.json.Encoder()

_CONTINUOUS_USAGE: frozenset[Kind] = frozenset({"vllm", "sglang"})
"""Kinds that put usage on every chunk when asked, so that a cut stream has exact counts."""

_MISTRAL_ONLY = ("prompt_mode", "safe_prompt", "guardrails", "prompt_cache_key", "service_tier")
"""Fields that other servers refuse or do not know.  None of them changes what is billed."""


_LLAMACPP_LIMITS = ("n_predict", "n_cmpl")
"""llama.cpp's own words for `max_tokens` and `n`, which win there: an answer beyond the hold, or several of them."""


def dialect_spoken(kind: Kind) -> Dialect:
    return "mistral" if kind == "mistral" else "openai"


def translate(request: ChatRequest, worker: Worker, sizes: Sizes) -> bytes:
    fields = dict(request.fields)
    fields["model"] = _raw(worker.models[sizes.model.id])
    fields.pop("max_completion_tokens", None)
    fields.pop("max_tokens", None)
    fields.pop("max_cost_usd", None)
    for name in _LLAMACPP_LIMITS:
        fields.pop(name, None)
    if request.output_tokens_max is not None or sizes.output_tokens_max < sizes.model.context_tokens:
        fields["max_tokens"] = _raw(sizes.output_tokens_max)
    fields.pop("stream_options", None)
    if worker.kind == "mistral":
        _respell(fields, "seed", "random_seed")
        return _encoder.encode(fields)
    if request.stream:
        options = {"include_usage": True}
        if worker.kind in _CONTINUOUS_USAGE:
            options["continuous_usage_stats"] = True
        fields["stream_options"] = _raw(options)
        if worker.kind == "llamacpp":
            fields["timings_per_token"] = _raw(obj=True)
    if request.dialect == "mistral":
        for name in _MISTRAL_ONLY:
            fields.pop(name, None)
        _respell(fields, "random_seed", "seed")
        if bytes(fields.get("tool_choice", b"")) == b'"any"':
            fields["tool_choice"] = _raw("required")
    return _encoder.encode(fields)


def _respell(fields: dict[str, msgspec.Raw], old: str, new: str) -> None:
    if old in fields:
        fields.setdefault(new, fields.pop(old))


def _raw(obj: object) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(obj))
