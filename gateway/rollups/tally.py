"""Events become the months and the sums of their account: each rated again, line by line, as its receipt is."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache

from gateway.catalog.types import TOKEN_CLASSES, CostLine
from gateway.kit.clock import DAY_US, HOUR_US, month_number
from gateway.kit.db import ReadConn
from gateway.metering import store as metering
from gateway.metering.receipt import Rater
from gateway.metering.types import BILLED, OUTCOMES, UsageEvent
from gateway.rollups.month import Month
from gateway.rollups.tables import COUNTED, SUMMED
from gateway.rollups.types import Counted, Group, Tallied

_ENDED = {outcome: f"{outcome}_requests" for outcome in OUTCOMES}
_COST = {token_class: f"{token_class}_nanousd" for token_class in TOKEN_CLASSES}


def hour_of(instant_us: int) -> int:
    """Its number since 1970."""
    return instant_us // HOUR_US


def month_of(instant_us: int) -> int:
    """Its number since 1970-01."""
    return _month_of(instant_us // DAY_US)


def tally(
    conn: ReadConn,
    rater: Rater,
    account_id: str,
    done: int,
    until: int | None = None,
    period_of: Callable[[int], int] = hour_of,
    unsplit_seq: int = 0,
) -> Tallied:
    """Of the events numbered (done, until], by the number of the month and by groups of a period.  Reads each of them.

    `unsplit_seq`: up to this number how they ended is left out, and what each class cost, as in sums of long ago.
    """
    months: dict[int, Month] = defaultdict(Month)
    sums: dict[Group, Counted] = defaultdict(nothing)
    for event, place in metering.walk_chain(conn, account_id, done, until):
        lines = rater.lines(event)
        add_to_month(months[month_of(event.created_us)], event, place.account_seq, lines)
        counted = sums[group_of(event, period_of)]
        add_event(counted, event)
        if place.account_seq > unsplit_seq:
            split_event(counted, event, lines)
    for day, grant_id, nanousd in metering.sum_uses_by_day(conn, account_id, done, until):
        months[_month_of(day)].add_use(grant_id, nanousd)
    return Tallied(dict(months), dict(sums))


def group_of(event: UsageEvent, period_of: Callable[[int], int]) -> Group:
    return period_of(event.created_us), event.key_id, event.project_id or "", event.model


def add_to_month(month: Month, event: UsageEvent, seq: int, lines: Iterable[CostLine]) -> None:
    month.add_requests(event.price_version, 1, seq, seq)
    for line in lines:
        kind = (event.model, line.token_class, line.price_nanousd_per_mtok, line.discount_percent)
        month.add_line(kind, line.tokens, line.cost_nanousd)


def nothing() -> Counted:
    return dict.fromkeys(COUNTED, 0)


def add_event(counted: Counted, event: UsageEvent) -> None:
    counted["requests"] += 1
    counted["unbilled_requests"] += event.outcome not in BILLED
    for name in SUMMED:
        counted[name] += getattr(event, name)
    if event.worker_cost_nanousd is not None:
        counted["worker_cost_nanousd"] += event.worker_cost_nanousd
        counted["cost_known_nanousd"] += event.cost_nanousd


def split_event(counted: Counted, event: UsageEvent, lines: Iterable[CostLine]) -> None:
    """How it ended, and what each class of its tokens cost; `lines`: those of its bill."""
    counted[_ENDED[event.outcome]] += 1
    cached_image = event.input_cached_tokens + event.input_image_tokens - event.input_tokens
    counted["input_cached_image_tokens"] += max(cached_image, 0)
    for line in lines:
        counted[_COST[line.token_class]] += line.cost_nanousd


def add(counted: Counted, more: Counted) -> None:
    for name, amount in more.items():
        counted[name] += amount


@lru_cache(400)
def _month_of(day: int) -> int:
    return month_number(day * DAY_US)
