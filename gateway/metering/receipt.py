"""A receipt: the event, and its bill computed again from the counts and the price book it was rated with."""

from gateway.catalog import store as catalog
from gateway.catalog.rate import rate, total_nanousd
from gateway.catalog.types import Starts
from gateway.errors import NotFound
from gateway.kit.db import ReadConn
from gateway.metering import store
from gateway.metering.types import BILLED, Receipt, UsageEvent


def read_receipt(conn: ReadConn, account_id: str, request_id: str) -> Receipt:
    """Raises NotFound: no such request, or another account's: the two look alike on purpose."""
    event = store.find_event(conn, request_id)
    if event is None or event.account_id != account_id:
        raise NotFound(f"there is no receipt for {request_id!r} in this account", param="request_id")
    return itemize(conn, event)


def itemize(conn: ReadConn, event: UsageEvent) -> Receipt:
    """The lines that add up to the event's cost; none for what is not billed."""
    place = store.find_link(conn, event.request_id)
    if event.outcome not in BILLED:
        return Receipt(event, place, ())
    book = catalog.by_version(conn, event.price_version)
    prices = next(model.prices for model in book.models if model.id == event.model)
    lines = rate(event.counts, prices, book.tiers, event.starts or Starts())
    assert total_nanousd(lines) == event.cost_nanousd, "an event's cost follows from its counts and its book"
    return Receipt(event, place, lines)
