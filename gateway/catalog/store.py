"""All SQL about price books."""

import hashlib

import msgspec
from sqlalchemy import func, insert, select

from gateway.catalog.tables import price_books
from gateway.catalog.types import PriceBook
from gateway.errors import BadRequest, Conflict, NotFound
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn, WriteConn

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(PriceBook)


def publish_later(conn: WriteConn, book: PriceBook, now_us: int) -> bool:
    """Enters a price change, or was entered before: False.  It takes effect in the future, so that nobody is surprised by the past.

    Raises:
        BadRequest: it would take effect at once or earlier, or has no version above the newest.
        Conflict: that version was published with other contents.
    """
    newest = conn.execute(select(func.max(price_books.c.version))).scalar() or 0
    known = conn.execute(select(price_books.c.version).where(price_books.c.version == book.version)).scalar()
    if known is None and book.effective_from_us <= now_us:
        raise BadRequest(
            "a published price book takes effect in the future; set effective_from to a later instant",
            param="effective_from",
        )
    if known is None and book.version <= newest:
        raise BadRequest(
            f"the newest version is {newest}; give this book version {newest + 1}", param="version"
        )
    return publish(conn, book)


def publish(conn: WriteConn, book: PriceBook) -> bool:
    """Adds a version; publishing the same one again changes nothing, and is False.

    Raises:
        Conflict: that version was published with other contents.  Published prices are immutable.
    """
    document = _encoder.encode(book)
    digest = hashlib.sha256(document).hexdigest()
    known = conn.execute(select(price_books.c.document).where(price_books.c.version == book.version)).scalar()
    if known is not None and _decoder.decode(known) == book:
        return False  # compared as values: a field that a newer program adds does not change an older book
    if known is not None:
        raise Conflict(
            f"price book version {book.version} was published with other contents, and events refer to it;"
            " give the changed book the next version and an effective_from"
        )
    conn.execute(
        insert(price_books).values(
            version=book.version,
            effective_from_us=book.effective_from_us,
            document=document.decode(),
            sha256=digest,
            created_us=now_us(),
        )
    )
    return True


def in_force(conn: ReadConn, at_us: int) -> PriceBook:
    """The newest book that is effective at this instant.  Raises NotFound."""
    return from_now_on(conn, at_us)[0]


def from_now_on(conn: ReadConn, at_us: int) -> list[PriceBook]:
    """The book in force, then those that will take effect, in that order.  Raises NotFound: none is in force."""
    effective = price_books.c.effective_from_us
    order = (effective, price_books.c.version)
    current = (
        select(price_books.c.document)
        .where(effective <= at_us)
        .order_by(*(column.desc() for column in order))
        .limit(1)
    )
    document = conn.execute(current).scalar()
    if document is None:
        raise NotFound("no price book is in force yet; publish one with an effective_from in the past")
    later = select(price_books.c.document).where(effective > at_us).order_by(*order)
    return [_decoder.decode(each) for each in (document, *conn.execute(later).scalars())]


def list_books(conn: ReadConn) -> list[PriceBook]:
    """Every version ever published, oldest first."""
    query = select(price_books.c.document).order_by(price_books.c.version)
    return [_decoder.decode(document) for document in conn.execute(query).scalars()]


def by_version(conn: ReadConn, version: int) -> PriceBook:
    """Raises NotFound."""
    document = conn.execute(select(price_books.c.document).where(price_books.c.version == version)).scalar()
    if document is None:
        raise NotFound(f"there is no price book version {version}")
    return _decoder.decode(document)
