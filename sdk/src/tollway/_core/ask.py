"""Requests that a model answers, and their counts and prices beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from tollway import _schema
from tollway._core import fields as f
from tollway._core import wire
from tollway._core.request import Call, encode
from tollway._types.chat import ChatCompletion, Parsed
from tollway._types.texts import Embeddings, Estimate, Tokenized

T = TypeVar("T")


def chat(fields: f.ChatFields) -> Call[ChatCompletion]:
    """Raises TypeError, ValueError: the request cannot be built."""
    return _post("/v1/chat/completions", f.chat_body(fields), fields, wire.completion)


def streamed_chat(fields: f.ChatFields) -> Call[ChatCompletion]:
    """`chat`, as a stream with its bill."""
    return _post("/v1/chat/completions", _streamed(f.chat_body(fields)), fields, wire.completion)


def parsed_chat(kind: type[T], fields: f.ChatFields) -> Call[Parsed[T]]:
    """`chat` whose answer is of this type.  Raises also TypeError: it has no JSON schema."""
    if fields.get("response_format") is not None:
        raise TypeError("parse says itself what response_format is; use complete for one of yours")
    body = f.chat_body(fields) | {"response_format": _schema.response_format(kind)}

    def read(answer: bytes, request_id: str) -> Parsed[T]:
        whole = wire.completion(answer, request_id)
        value = _schema.read_output(kind, whole)
        return Parsed(whole.id, whole.model, whole.choices, whole.usage, whole.request_id, value=value)

    return _post("/v1/chat/completions", body, fields, read)


def fim(fields: f.FimFields) -> Call[ChatCompletion]:
    """Raises TypeError, ValueError: the request cannot be built."""
    return _post("/v1/fim/completions", _fim_body(fields), fields, wire.completion)


def streamed_fim(fields: f.FimFields) -> Call[ChatCompletion]:
    """`fim`, as a stream with its bill."""
    return _post("/v1/fim/completions", {**_fim_body(fields), "stream": True}, fields, wire.completion)


def embeddings(fields: f.EmbeddingsFields) -> Call[Embeddings]:
    """Raises TypeError, ValueError: the request cannot be built."""
    body = f.body_of(fields, f.OF_EMBEDDINGS, "model", "input")
    # A third of the bytes of numbers in JSON, and read in one step.
    return _post("/v1/embeddings", {"encoding_format": "base64", **body}, fields, wire.embeddings)


def tokenize(fields: f.PromptFields) -> Call[Tokenized]:
    """Raises TypeError, ValueError: the request cannot be built."""
    return _post("/v1/tokenize", f.prompt_body(fields), fields, wire.reader(Tokenized))


def estimate(fields: f.PromptFields) -> Call[Estimate]:
    """Raises TypeError, ValueError: the request cannot be built."""
    return _post("/v1/estimate", f.prompt_body(fields), fields, wire.reader(Estimate))


def _fim_body(fields: f.FimFields) -> dict[str, Any]:
    return f.body_of(fields, f.OF_FIM, "model", "prompt")


def _streamed(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "stream": True, "stream_options": {"include_usage": True}}


def _post(path: str, body: dict[str, Any], fields: Mapping[str, Any], read: Any) -> Call[Any]:
    return Call("POST", path, read, encode(body), f.idempotency_key(fields), fields.get("timeout_s"))
