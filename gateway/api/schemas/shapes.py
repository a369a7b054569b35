"""What all subjects share: lists, instants, money."""

from typing import Any

import msgspec

from gateway.errors import BadRequest
from gateway.kit.clock import from_rfc3339
from gateway.kit.money import format_usd, parse_usd


class ListOf(msgspec.Struct, frozen=True):
    """OpenAI's envelope of a list."""

    data: list[dict[str, Any]]
    object: str = "list"


class PageOf(msgspec.Struct, frozen=True):
    """A list in pieces: `last_id`, given as `after`, asks for the next one."""

    data: list[dict[str, Any]]
    has_more: bool
    last_id: str | None
    object: str = "list"


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
