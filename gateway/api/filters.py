"""Which requests a list is about, and which piece of it: the query parameters that lists of usage and receipts share."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from litestar.di import NamedDependency
from litestar.params import QueryParameter

from gateway.api.schemas.shapes import PageOf, instant
from gateway.api.wiring import TheGateway
from gateway.metering.types import Selection

Row = TypeVar("Row")
Item = TypeVar("Item")

Since = Annotated[
    str | None,
    QueryParameter(
        description="Requests that began at this instant or later: RFC 3339 with an offset.",
        format="date-time",
    ),
]
Until = Annotated[
    str | None, QueryParameter(description="Requests that began before this instant.", format="date-time")
]
OfModel = Annotated[
    str | None,
    QueryParameter(
        description="Requests to this model, by id or alias; one that left the price book, by id."
    ),
]
WithKey = Annotated[str | None, QueryParameter(description="Requests with this key.")]
InProject = Annotated[
    str | None, QueryParameter(description="Requests whose key was in this project when they began.")
]

TheSelection = NamedDependency[Selection]


def selection(
    gateway: TheGateway,
    since: Since = None,
    until: Until = None,
    model: OfModel = None,
    key_id: WithKey = None,
    project_id: InProject = None,
) -> Selection:
    """Raises BadRequest."""
    known = None if model is None else gateway.catalog.find(model)
    return Selection(
        since_us=instant("since", since),
        until_us=instant("until", until),
        model=model if known is None else known.id,
        key_id=key_id,
        project_id=project_id,
    )


def page(
    found: list[Row], limit: int, shown_as: Callable[[Row], Item], cursor: Callable[[Row], str]
) -> PageOf[Item]:
    """Of rows of which one more than `limit` was asked for, to see whether there are more."""
    shown = found[:limit]
    last_id = cursor(shown[-1]) if shown else None
    return PageOf([shown_as(row) for row in shown], has_more=len(found) > limit, last_id=last_id)
