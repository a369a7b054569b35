"""A month's statement from its usage events and the price books they were rated with, and from nothing else."""

from collections import Counter

from gateway.accounts.types import Account
from gateway.billing.types import Applied, Line, Statement
from gateway.catalog.store import by_version
from gateway.credit.store import list_grants
from gateway.errors import BadRequest
from gateway.kit.clock import SECOND_US, from_rfc3339, next_month_us
from gateway.kit.db import ReadConn
from gateway.kit.money import NANOS_PER_CENT, cents
from gateway.metering import store
from gateway.metering.receipt import Rater
from gateway.metering.types import Link

FINAL_AFTER_US = 3600 * SECOND_US
"""A request belongs to the month in which it began; an hour after the month's end the last of them has ended."""


def month_of(text: str) -> tuple[int, int]:
    """The first instant of a month such as 2026-11, and of the next.  Raises BadRequest."""
    try:
        begin_us = from_rfc3339(f"{text}-01T00:00:00Z")
        return begin_us, next_month_us(begin_us)  # of the last month of all there is no next
    except ValueError as error:
        raise BadRequest(f"{text!r} is no month; write it like 2026-11", param="month") from error


def draw_up(conn: ReadConn, account: Account, month: str, now_us: int) -> Statement:
    """The account's statement of a calendar month (UTC), final an hour after its end.

    Raises:
        BadRequest: no month.
    """
    begin_us, end_us = month_of(month)
    rater = Rater(lambda version: by_version(conn, version))
    tokens: Counter[tuple[str, str, int, int]] = Counter()
    costs: Counter[tuple[str, str, int, int]] = Counter()
    requests, versions, first, last = 0, set(), None, None
    for event, place in store.walk_between(conn, account.id, begin_us, end_us):
        requests += 1
        versions.add(event.price_version)
        first, last = _earlier(first, place), _later(last, place)
        for line in rater.lines(event):
            kind = (event.model, line.token_class, line.price_nanousd_per_mtok, line.discount_percent)
            tokens[kind] += line.tokens
            costs[kind] += line.cost_nanousd
    lines = tuple(_line(kind, tokens[kind], costs[kind]) for kind in sorted(tokens))
    applied = _applied(conn, account.id, begin_us, end_us)
    total, paid = sum(costs.values()), sum(each.amount_nanousd for each in applied)
    total_cents = sum(line.cents for line in lines)
    return Statement(
        account_id=account.id,
        account_name=account.name,
        month=month,
        begin_us=begin_us,
        end_us=end_us,
        final=now_us >= end_us + FINAL_AFTER_US,
        requests=requests,
        lines=lines,
        total_nanousd=total,
        total_cents=total_cents,
        rounding_nanousd=total_cents * NANOS_PER_CENT - total,
        applied=applied,
        applied_nanousd=paid,
        due_cents=cents(total - paid),
        price_versions=tuple(sorted(versions)),
        first_seq=None if first is None else first.account_seq,
        last_seq=None if last is None else last.account_seq,
        last_hash=None if last is None else last.chain_hash,
    )


def _line(kind: tuple[str, str, int, int], tokens: int, cost: int) -> Line:
    model, token_class, price, discount = kind
    return Line(
        model=model,
        token_class=token_class,  # type: ignore[arg-type]  # one of the five of catalog/types.py
        discount_percent=discount,
        tokens=tokens,
        price_nanousd_per_mtok=price,
        cost_nanousd=cost,
        cents=cents(cost),
    )


def _applied(conn: ReadConn, account_id: str, begin_us: int, end_us: int) -> tuple[Applied, ...]:
    """Which grants paid for the month's requests, in the order in which they were given."""
    used = store.sum_grant_uses(conn, account_id, begin_us, end_us)
    return tuple(
        Applied(grant_id=grant.id, kind=grant.kind, reason=grant.reason, amount_nanousd=used[grant.id])
        for grant in list_grants(conn, account_id)
        if grant.id in used
    )


def _earlier(known: Link | None, place: Link) -> Link:
    return place if known is None or place.account_seq < known.account_seq else known


def _later(known: Link | None, place: Link) -> Link:
    return place if known is None or place.account_seq > known.account_seq else known
