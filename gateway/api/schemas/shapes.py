"""What all subjects share: lists, instants, money; each as it is written and as it is read."""

from typing import Annotated, Any, Generic, TypeVar

import msgspec

from gateway.errors import BadRequest
from gateway.kit.clock import from_rfc3339
from gateway.kit.money import format_usd, parse_usd

Item = TypeVar("Item")

NanoUsd = Annotated[int, msgspec.Meta(extra_json_schema={"format": "int64"})]
"""1 USD = 10^9."""
Usd = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]+\.[0-9]{9}$", examples=["0.000046200"])]
"""The same amount as decimal dollars, exactly."""
Instant = Annotated[
    str, msgspec.Meta(examples=["2026-11-23T13:05:00.123456Z"], extra_json_schema={"format": "date-time"})
]
"""RFC 3339, UTC."""
Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]
"""What a database can hold: PostgreSQL takes no NUL."""
GivenUsd = Annotated[
    str,
    msgspec.Meta(
        description="US dollars, with at most nine decimals; not negative.",
        examples=["12.50"],
        extra_json_schema={"pattern": r"^[0-9]{1,10}(\.[0-9]{1,9})?$"},
    ),
]
SignedUsd = Annotated[
    str,
    msgspec.Meta(
        description="US dollars, with at most nine decimals.",
        examples=["12.50"],
        extra_json_schema={"pattern": r"^-?[0-9]{1,10}(\.[0-9]{1,9})?$"},
    ),
]
GivenInstant = Annotated[
    str,
    msgspec.Meta(
        description="RFC 3339 with an offset.",
        examples=["2027-01-01T00:00:00Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
Count = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 0, "format": "int64"})]


class ListOf(msgspec.Struct, Generic[Item], frozen=True, tag_field="object", tag="list"):
    """OpenAI's envelope of a list."""

    data: list[Item]


class PageOf(msgspec.Struct, Generic[Item], frozen=True, tag_field="object", tag="list"):
    """A list in pieces: `last_id`, given as `after`, asks for the next one."""

    data: list[Item]
    has_more: bool
    last_id: str | None


def instant(name: str, text: str | None) -> int | None:
    """Raises BadRequest naming the field."""
    try:
        return None if text is None else from_rfc3339(text)
    except ValueError as error:
        raise BadRequest(f"{name}: {error}", param=name) from error


def usd(text: str, param: str) -> int:
    """Nano-dollars of an amount.  Raises BadRequest naming the field."""
    try:
        return parse_usd(text)
    except ValueError as error:
        raise BadRequest(str(error), param=param) from error


def money(name: str, nanousd: int) -> dict[str, Any]:
    return {f"{name}_nanousd": nanousd, f"{name}_usd": format_usd(nanousd)}
