"""Price books are published."""

from gateway.catalog import store
from gateway.catalog.types import PriceBook
from gateway.kit.clock import now_us, rfc3339
from gateway.kit.db import WriteConn
from gateway.people.log import record


def publish_later(conn: WriteConn, by: str, book: PriceBook) -> None:
    """As `catalog.store.publish_later`."""
    now = now_us()
    if store.publish_later(conn, book, now):
        _record(conn, by, book, now)


def publish_at_start(conn: WriteConn, by: str, book: PriceBook) -> None:
    """The book that a gateway is configured with.  As `catalog.store.publish`."""
    if store.publish(conn, book):
        _record(conn, by, book, now_us())


def _record(conn: WriteConn, by: str, book: PriceBook, now: int) -> None:
    """Its version says the rest: what was published stays as it is."""
    after = {"effective_from": rfc3339(book.effective_from_us), "models": len(book.models)}
    record(conn, by, "prices.publish", now, target=f"version {book.version}", after=after)
