"""JSON schemas of Python types: parameters of tools, and types that an answer must have."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tollway._errors import InvalidOutput
from tollway._money import Money
from tollway._types.chat import ChatCompletion

T = TypeVar("T")


def schema_of(kind: type) -> dict[str, Any]:
    """Of a dataclass, msgspec struct, TypedDict or pydantic model; objects have no other fields than theirs.

    Raises:
        TypeError: there is none for this type.
    """
    if hasattr(kind, "model_json_schema"):
        schema = dict(kind.model_json_schema())
    else:
        schema = _unwrapped(msgspec.json.schema(kind))
    for each in (schema, *schema.get("$defs", {}).values()):
        if "properties" in each:
            each.setdefault("additionalProperties", False)
    return schema


def _unwrapped(schema: dict[str, Any]) -> dict[str, Any]:
    """Msgspec puts even the outermost type among the definitions; servers and tools want it outside."""
    definitions = dict(schema.get("$defs", {}))
    own = schema.get("$ref", "").removeprefix("#/$defs/")
    if own not in definitions:
        return schema
    inner = definitions.pop(own) if f'"#/$defs/{own}"' not in _text(definitions) else definitions[own]
    return {**inner, "$defs": definitions} if definitions else dict(inner)


def _text(definitions: dict[str, Any]) -> str:
    return msgspec.json.encode(definitions).decode()


def response_format(kind: type) -> dict[str, Any]:
    """The `response_format` that holds a server to this type.  Raises TypeError."""
    schema = {"name": kind.__name__, "schema": schema_of(kind), "strict": True}
    return {"type": "json_schema", "json_schema": schema}


def read_output(kind: type[T], answer: ChatCompletion) -> T:
    """The answer's text as a value of this type.  Raises InvalidOutput."""
    text, cost = answer.text, answer.usage.cost_nanousd
    try:
        validate = getattr(kind, "model_validate_json", None)  # pydantic's, which is not imported here
        value: T = validate(text) if validate else msgspec.json.decode(text, type=kind)
    except ValueError as error:  # msgspec's and pydantic's errors are ValueErrors
        why = "; it was cut off: raise max_tokens" if answer.finish_reason == "length" else ""
        raise InvalidOutput(
            f"the answer is no {kind.__name__} ({error}){why}",
            text=text,
            request_id=answer.request_id,
            cost=None if cost is None else Money(cost),
        ) from error
    return value
