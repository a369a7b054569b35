"""Requests for what an account sees of itself."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from tollway._core import wire
from tollway._core.request import Call, encode, instant, path
from tollway._money import Money, Usd
from tollway._types.account import (
    Credits,
    GroupBy,
    Key,
    KeyMay,
    Model,
    NewKey,
    Page,
    Receipt,
    Request,
)
from tollway._types.usage import UsageRow

Cap = Usd | None | msgspec.UnsetType
"""A key's cap: US dollars, None for none, or not mentioned."""


def models() -> Call[list[Model]]:
    return Call("GET", "/v1/models", wire.list_reader(Model))


def model(name: str) -> Call[Model]:
    return Call("GET", path("v1", "models", name), wire.reader(Model))


def credits_left() -> Call[Credits]:
    return Call("GET", "/v1/credits", wire.reader(Credits))


def receipt(request_id: str) -> Call[Receipt]:
    return Call("GET", path("v1", "receipts", request_id), wire.reader(Receipt))


def requests(
    since: datetime | str | None,
    until: datetime | str | None,
    model: str | None,
    key_id: str | None,
    limit: int | None,
    after: str | None,
) -> Call[Page[Request]]:
    where = path(
        "v1",
        "receipts",
        since=instant(since),
        until=instant(until),
        model=model,
        key_id=key_id,
        limit=limit,
        after=after,
    )
    return Call("GET", where, wire.reader(Page[Request]))


def usage(  # noqa: PLR0913 - as many as there are filters
    group_by: GroupBy,
    since: datetime | str | None,
    until: datetime | str | None,
    *,
    model: str | None,
    key_id: str | None,
    project_id: str | None,
    limit: int | None,
    after: str | None,
    detail: bool = False,
) -> Call[Page[UsageRow]]:
    where = path(
        "v1", "usage", group_by=group_by, since=instant(since), until=instant(until), model=model, key_id=key_id,
        project_id=project_id, limit=limit, after=after, detail="true" if detail else None,
    )  # fmt: skip
    return Call("GET", where, wire.reader(Page[UsageRow]))


def keys() -> Call[list[Key]]:
    return Call("GET", "/v1/keys", wire.list_reader(Key))


def create_key(
    name: str, caps: Mapping[str, Cap], project: str | None, may: KeyMay | None = None
) -> Call[NewKey]:
    body = {"name": name, "project": project, **written(caps), **written(may or {})}
    return post(path("v1", "keys"), body, wire.reader(NewKey))


def change_key(key_id: str, changes: Mapping[str, Any]) -> Call[Key]:
    return Call("PATCH", path("v1", "keys", key_id), wire.reader(Key), encode(written(changes)))


def revoke_key(key_id: str) -> Call[Key]:
    return Call("DELETE", path("v1", "keys", key_id), wire.reader(Key))


def rotate_key(key_id: str, overlap_s: int) -> Call[NewKey]:
    return post(path("v1", "keys", key_id, "rotate", overlap_s=overlap_s or None), {}, wire.reader(NewKey))


def written(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was mentioned; amounts (`…_usd`) as exact decimal strings, instants (`…_at`) as RFC 3339.

    Raises ValueError: no amount, or a datetime without a timezone.
    """
    return {name: _written(name, value) for name, value in values.items() if value is not msgspec.UNSET}


def _written(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.endswith("_usd"):
        return Money.from_usd(value).usd
    return instant(value) if name.endswith("_at") else value


def post(where: str, body: object, read: Any) -> Call[Any]:
    """What makes something.  Not sent again when it may have arrived: two would be made."""
    return Call("POST", where, read, encode(body), uuid.uuid4().hex, harmless=False)
