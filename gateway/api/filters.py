"""Which requests a list is about, and which piece of it: the query parameters that lists of usage and receipts share."""

from collections.abc import Callable
from typing import Any, TypeVar

from litestar.di import NamedDependency
from litestar.params import FromQuery

from gateway.api.schemas.shapes import PageOf, instant
from gateway.api.wiring import TheGateway
from gateway.metering.types import Selection

Row = TypeVar("Row")

TheSelection = NamedDependency[Selection]


def selection(
    gateway: TheGateway,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    model: FromQuery[str | None] = None,
    key_id: FromQuery[str | None] = None,
) -> Selection:
    """Requests that began in [since, until), RFC 3339 instants; to one model, by id or alias; with one key.

    A model that is no longer in the price book is known by its id.
    """
    known = None if model is None else gateway.catalog.find(model)
    return Selection(
        since_us=instant("since", since),
        until_us=instant("until", until),
        model=model if known is None else known.id,
        key_id=key_id,
    )


def page(
    found: list[Row], limit: int, fields: Callable[[Row], dict[str, Any]], cursor: Callable[[Row], str]
) -> PageOf:
    """Of rows of which one more than `limit` was asked for, to see whether there are more."""
    shown = found[:limit]
    last_id = cursor(shown[-1]) if shown else None
    return PageOf([fields(row) for row in shown], has_more=len(found) > limit, last_id=last_id)
