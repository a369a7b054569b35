"""The whole document: operations under their paths, structs under their names; the same bytes for the same code."""

import json
import re
from functools import cache
from typing import Any

import msgspec

from gateway import __version__
from gateway.api.openapi.inference import EVENTS, inference_operations
from gateway.api.openapi.operations import JSON, Operation, Parameter, Tag, operation_of
from gateway.api.openapi.refusals import HEADERS, REQUEST_ID, Error, reference, responses
from gateway.api.routes import ROUTES

_ABOUT = """\
A usage-metered LLM gateway.

Money is integer nano-dollars (`*_nanousd`; 1 USD = 10^9) and, for people, the same amount as a decimal string (`*_usd`).
Instants are RFC 3339 in UTC. Lists that come in pieces say `has_more`; their `last_id`, given as `after`, asks for the next.
Below `/mistral` inference and models are answered in the Mistral API's spelling, whoever asks.
Every answer has an `x-request-id`. Refusals have one shape, whose `message` says how to mend it.\
"""
_TAGS: dict[Tag, tuple[str, str]] = {
    "inference": ("accountKey", "What is metered: chat, FIM, embeddings; and what can be asked before."),
    "account": ("accountKey", "What an account sees of itself: credit, keys, usage, receipts, statements."),
    "admin": ("operatorKey", "For whoever runs the gateway."),
    "join": ("joinToken", "Where workers join by themselves."),
    "stripe": ("", "Where Stripe posts its news: each message is signed, and no key opens this."),
    "health": ("", "Is the process alive, and can it serve?  No key needed."),
}
"""Each with the security scheme that opens it."""
_SCHEMES = {
    "accountKey": "An account's key, `tw_…`.",
    "operatorKey": "An operator's key, `twop_…`.",
    "joinToken": "The gateway's setting `join_token`.",
}
_TEMPLATE = "#/components/schemas/{name}"
_SENTENCE_END = re.compile(r"(?<=[.])\s+")
_GENERIC = re.compile(r"\b(ListOf|PageOf)_(\w+?)_\b")


@cache
def encoded() -> bytes:
    """The document as JSON: sorted, indented, ending with a line break."""
    text = json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False)
    return (_GENERIC.sub(r"\1\2", text) + "\n").encode()


def operations() -> list[Operation]:
    described = [operation_of(tag, handler) for tag, handlers in ROUTES.items() for handler in handlers]
    return [*inference_operations(), *described]


def document() -> dict[str, Any]:
    found = operations()
    paths: dict[str, Any] = {}
    for operation in found:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tollway", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": means} for name, (_, means) in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _components(found),
            "responses": responses(),
            "headers": HEADERS,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": means}
                for name, means in _SCHEMES.items()
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    scheme = _TAGS[operation.tag][0]
    summary, *rest = _SENTENCE_END.split(operation.text, maxsplit=1)
    said: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": _flowing(summary),
        "security": [{scheme: []}] if scheme else [],
        "responses": _responses(operation),
    }
    if rest:
        said["description"] = _flowing(rest[0])
    if operation.parameters:
        said["parameters"] = [_parameter(each) for each in operation.parameters]
    if operation.body:
        said["requestBody"] = {"required": True, "content": {JSON: {"schema": _any_of(operation.body)}}}
    return said


def _responses(operation: Operation) -> dict[str, Any]:
    headers = {
        name: {"description": means, "schema": {"type": "string"}}
        for name, means in operation.headers.items()
    }
    content = {media: {"schema": _content(media, kind)} for media, kind in operation.answers.items()}
    answer = {"description": "Done.", "headers": {**REQUEST_ID, **headers}, "content": content}
    refused = {str(status): reference(status) for status in operation.refusals}
    return {str(operation.status): answer, **refused}


def _content(media: str, kind: Any) -> dict[str, Any]:
    if media == JSON:
        return _schema(kind)
    if media == EVENTS:
        piece = {"contentMediaType": JSON, "contentSchema": _any_of((kind, Error))}
        data = {"type": "string", "anyOf": [{"const": "[DONE]"}, piece]}
        return {"type": "object", "properties": {"data": data}, "required": ["data"]}
    return {"type": "string"}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = {**_schema(parameter.type), **parameter.limits}
    # `null` cannot be said in a URL: a parameter that may be left out is left out.
    schema.update(next((each for each in schema.pop("anyOf", ()) if each != {"type": "null"}), {}))
    if parameter.default is not None:
        schema["default"] = parameter.default
    said = {"name": parameter.name, "in": parameter.place, "required": parameter.required, "schema": schema}
    return {**said, "description": parameter.description} if parameter.description else said


def _any_of(kinds: tuple[Any, ...]) -> dict[str, Any]:
    return _schema(kinds[0]) if len(kinds) == 1 else {"anyOf": [_schema(kind) for kind in kinds]}


def _schema(kind: Any) -> dict[str, Any]:
    ((schema,), _) = msgspec.json.schema_components([kind], ref_template=_TEMPLATE)
    return schema


def _components(found: list[Operation]) -> dict[str, Any]:
    asked = [kind for operation in found for kind in operation.body]
    told = [kind for operation in found for kind in operation.answers.values() if kind is not None]
    _, requests = msgspec.json.schema_components(asked, ref_template=_TEMPLATE)
    _, answers = msgspec.json.schema_components([*told, Error], ref_template=_TEMPLATE)
    both = requests.keys() & answers.keys()
    assert not both, f"{both} would be said in one way and meant in two"
    return {
        name: _untitled(schema)
        for name, schema in [
            *requests.items(),
            *((name, _always(schema)) for name, schema in answers.items()),
        ]
    }


def _always(schema: dict[str, Any]) -> dict[str, Any]:
    """An answer has every field that has a default, too; only what is UNSET is left out.  And it may gain fields."""
    properties = schema.get("properties", {})
    said = [name for name, field in properties.items() if "default" in field]
    for field in properties.values():
        field.pop("default", None)
    schema.pop("additionalProperties", None)
    return {**schema, "required": sorted({*schema.get("required", ()), *said})} if properties else schema


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    if "description" in schema:
        schema["description"] = _flowing(schema["description"])
    return {name: value for name, value in schema.items() if name != "title"}


def _flowing(text: str) -> str:
    """A docstring without its line breaks, but for those between paragraphs."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
