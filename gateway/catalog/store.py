"""All SQL about price books."""

import hashlib

import msgspec
from sqlalchemy import insert, select

from gateway.catalog.tables import price_books
from gateway.catalog.types import PriceBook
from gateway.errors import Conflict, NotFound
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn, WriteConn

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(PriceBook)


def publish(conn: WriteConn, book: PriceBook) -> None:
    """Adds a version; publishing the same one again changes nothing.

    Raises:
        Conflict: that version was published with other contents.  Published prices are immutable.
    """
    document = _encoder.encode(book)
    digest = hashlib.sha256(document).hexdigest()
    known = conn.execute(select(price_books.c.document).where(price_books.c.version == book.version)).scalar()
    if known is not None and _decoder.decode(known) == book:
        return  # compared as values: a field that a newer program adds does not change an older book
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


def in_force(conn: ReadConn, at_us: int) -> PriceBook:
    """The newest book that is effective at this instant.  Raises NotFound."""
    query = (
        select(price_books.c.document)
        .where(price_books.c.effective_from_us <= at_us)
        .order_by(price_books.c.effective_from_us.desc(), price_books.c.version.desc())
        .limit(1)
    )
    document = conn.execute(query).scalar()
    if document is None:
        raise NotFound("no price book is in force yet; publish one with an effective_from in the past")
    return _decoder.decode(document)


def by_version(conn: ReadConn, version: int) -> PriceBook:
    """Raises NotFound."""
    document = conn.execute(select(price_books.c.document).where(price_books.c.version == version)).scalar()
    if document is None:
        raise NotFound(f"there is no price book version {version}")
    return _decoder.decode(document)
