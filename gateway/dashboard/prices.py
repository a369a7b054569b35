"""The operator's page of prices: every book, and a change tried on the months that were before it is published."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromQuery
from litestar.response import Redirect

from gateway.acts.prices import publish_later
from gateway.api.wiring import TheGateway
from gateway.catalog import store as catalog
from gateway.catalog.read_toml import PriceBookError, parse
from gateway.catalog.types import TOKEN_CLASSES, PriceBook
from gateway.catalog.write_toml import write
from gateway.dashboard.door import TheForm, TheViewer, operator_only
from gateway.dashboard.render import page
from gateway.errors import BadRequest, Conflict
from gateway.inference.gateway import Gateway
from gateway.kit.clock import from_rfc3339, month_number, next_month_us, now_us, rfc3339
from gateway.kit.db import ReadConn
from gateway.people.types import Viewer
from gateway.rollups.rerate import dry_run

ACCOUNTS = 50
SECONDS_CHARS = len("2026-12-01T00:00:00")
PATH = "/dashboard/operator/prices"

Change = tuple[str, str, int | None, int | None]
"""A model, a token class, its price before and after (nano-dollars per million tokens); None: it is not in the book."""


@get("/operator/prices")
async def show_prices(gateway: TheGateway, viewer: TheViewer, published: FromQuery[int] = 0) -> Response[str]:
    """Every version of the price book, the newest first; `published`: the one that just was."""
    operator_only(viewer)
    return await _page(gateway, viewer, published=published)


@post("/operator/prices/try", status_code=200)
async def try_prices(gateway: TheGateway, viewer: TheViewer, form: TheForm) -> Response[str]:
    """What this month and the one before would have cost.  Nothing is written."""
    operator_only(viewer)
    text = form.get("toml", "")
    try:
        book = _parse(text)
    except BadRequest as error:
        return await _page(gateway, viewer, text=text, error=error)
    return await _page(gateway, viewer, text=text, tried=book, from_us=book.effective_from_us)


@post("/operator/prices")
async def publish_prices(gateway: TheGateway, viewer: TheViewer, form: TheForm) -> Response[str] | Redirect:
    """Enters what was tried, from the given instant on."""
    operator_only(viewer)
    text, book, from_us = form.get("toml", ""), None, None
    try:
        book = _parse(text)
        from_us = _instant(form.get("effective_from", ""))
        if form.get("sure") != f"version {book.version}":
            raise BadRequest("tick the box to publish it: published prices stay as they are", param="sure")
        final = msgspec.structs.replace(book, effective_from_us=from_us)
        await gateway.database.write(lambda conn: publish_later(conn, viewer.email, final))
    except (BadRequest, Conflict) as error:
        return await _page(gateway, viewer, text=text, tried=book, from_us=from_us, error=error)
    return Redirect(f"{PATH}?published={book.version}", status_code=303)


async def _page(
    gateway: Gateway,
    viewer: Viewer,
    *,
    text: str = "",
    tried: PriceBook | None = None,
    from_us: int | None = None,
    error: BadRequest | Conflict | None = None,
    published: int = 0,
) -> Response[str]:
    """With what was typed, whatever is wrong with it."""
    now, in_force = now_us(), gateway.catalog.book
    books, months = await gateway.database.read(lambda conn: _read(conn, tried, now))
    given: dict[str, Any] = {
        "books": books[::-1],
        "in_force": in_force.version,
        "text": text or write(_next(in_force, books, now)),
        "tried": tried,
        "from_utc": "" if tried is None else rfc3339(from_us or tried.effective_from_us)[:SECONDS_CHARS],
        "months": months,
        "changes": [] if tried is None else changes(in_force, tried),
        "tiers_change": tried is not None and tried.tiers != in_force.tiers,
        "error": "" if error is None else error.message,
        "published": published,
    }
    status = 200 if error is None else error.status
    return page("operator_prices.html.j2", viewer, status_code=status, here="Prices", **given)


def _read(conn: ReadConn, tried: PriceBook | None, now: int) -> tuple[list[PriceBook], list[Any]]:
    month = month_number(now)
    runs = [] if tried is None else [dry_run(conn, each, tried, ACCOUNTS) for each in (month, month - 1)]
    return catalog.list_books(conn), runs


def _next(book: PriceBook, books: list[PriceBook], now: int) -> PriceBook:
    """The book in force with the next version, from the next month on: where a change begins."""
    version = max(each.version for each in books) + 1
    return msgspec.structs.replace(book, version=version, effective_from_us=next_month_us(now))


def changes(before: PriceBook, after: PriceBook) -> list[Change]:
    """Which prices differ, by model and token class."""
    old, new = ({model.id: model.prices for model in book.models} for book in (before, after))
    found = []
    for model in [*old, *(model for model in new if model not in old)]:
        for name in TOKEN_CLASSES:
            was, will = (getattr(prices.get(model), name, None) for prices in (old, new))
            if was != will:
                found.append((model, name, was, will))
    return found


def _parse(text: str) -> PriceBook:
    """Raises BadRequest."""
    try:
        return parse(text, "this price book")
    except PriceBookError as error:
        raise BadRequest(str(error), param="toml") from error


def _instant(text: str) -> int:
    """Of a field that has a date and a time, UTC.  Raises BadRequest."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(
            f"in force from: {text!r} is no date and time; write it like 2026-12-01T00:00",
            param="effective_from",
        ) from error
    return from_rfc3339(moment.replace(tzinfo=moment.tzinfo or UTC).isoformat())
