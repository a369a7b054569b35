"""Events become the months of their account: each rated again, line by line, as its receipt is."""

from collections import defaultdict
from functools import lru_cache

from gateway.kit.clock import DAY_US, month_number
from gateway.kit.db import ReadConn
from gateway.metering import store as metering
from gateway.metering.receipt import Rater
from gateway.rollups.month import Month


def tally(
    conn: ReadConn, rater: Rater, account_id: str, done: int, until: int | None = None
) -> dict[int, Month]:
    """Of the events numbered (done, until], by the number of the month.  Reads each of them."""
    months: dict[int, Month] = defaultdict(Month)
    for event, place in metering.walk_chain(conn, account_id, done, until):
        month = months[_month_of(event.created_us // DAY_US)]
        month.add_requests(event.price_version, 1, place.account_seq, place.account_seq)
        for line in rater.lines(event):
            kind = (event.model, line.token_class, line.price_nanousd_per_mtok, line.discount_percent)
            month.add_line(kind, line.tokens, line.cost_nanousd)
    for day, grant_id, nanousd in metering.sum_uses_by_day(conn, account_id, done, until):
        months[_month_of(day)].add_use(grant_id, nanousd)
    return dict(months)


@lru_cache(400)
def _month_of(day: int) -> int:
    return month_number(day * DAY_US)
