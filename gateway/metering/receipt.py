"""A receipt: the event, and its bill computed again from the counts and the price book it was rated with."""

from collections.abc import Callable
from functools import cache

import msgspec

from gateway.catalog import store as catalog
from gateway.catalog.rate import rate, total_nanousd
from gateway.catalog.types import CostLine, Model, PriceBook, Starts
from gateway.errors import NotFound
from gateway.kit.db import ReadConn
from gateway.metering import store
from gateway.metering.chain import GENESIS, link
from gateway.metering.types import BILLED, Receipt, UsageEvent


class Rater:
    """Rates events again, each by its own version of the price book; `read` is asked once for each."""

    def __init__(self, read: Callable[[int], PriceBook]) -> None:
        self._book = cache(read)
        self._model = cache(self._find)

    def lines(self, event: UsageEvent) -> tuple[CostLine, ...]:
        """The lines that add up to the event's cost; none for what is not billed."""
        if event.outcome not in BILLED:
            return ()
        model = self._model(event.price_version, event.model)
        return rate(
            event.counts, model.prices, self._book(event.price_version).tiers, event.starts or Starts()
        )

    def _find(self, version: int, model_id: str) -> Model:
        return next(model for model in self._book(version).models if model.id == model_id)


def read_receipt(conn: ReadConn, account_id: str | None, request_id: str) -> Receipt:
    """An account's, or for operators (None) anybody's.

    Raises NotFound: no such request, or another account's: the two look alike on purpose.
    """
    event = store.find_event(conn, request_id)
    if event is None or account_id not in (None, event.account_id):
        raise NotFound(f"there is no receipt for {request_id!r}", param="request_id")
    lines = Rater(lambda version: catalog.by_version(conn, version)).lines(event)
    assert total_nanousd(lines) == event.cost_nanousd, "an event's cost follows from its counts and its book"
    return Receipt(event, store.find_link(conn, event.request_id), lines)


def is_linked(conn: ReadConn, receipt: Receipt) -> bool:
    """Whether its hash follows from its fields and the receipt before it, derived anew.  `audit` does it for all."""
    event, place = receipt.event, receipt.link
    before = store.hash_before(conn, event.account_id, place.account_seq) or GENESIS
    return link(before, place.account_seq, msgspec.structs.asdict(event)) == place.chain_hash
