"""A month's statement, from its usage events and the price books they were rated with, and from nothing else.

What of them is summed already is read from the month's sums (rollups/), and the few that are not are added here: so it is
exact at every instant, and reads as much for a million requests as for a hundred.  `audit` derives the sums again.
"""

from gateway.accounts.types import Account
from gateway.catalog.store import by_version
from gateway.credit.store import list_grants
from gateway.errors import BadRequest, StorageUnavailable
from gateway.kit.clock import SECOND_US, from_rfc3339, month_number, next_month_us
from gateway.kit.db import ReadConn
from gateway.kit.money import NANOS_PER_CENT, cents
from gateway.metering import store
from gateway.metering.receipt import Rater
from gateway.rollups import store as rollups
from gateway.rollups.month import Kind, Month
from gateway.rollups.tally import tally
from gateway.statements.due import credit_cents
from gateway.statements.types import Applied, Line, Statement

FINAL_AFTER_US = 3600 * SECOND_US
"""A request belongs to the month in which it began; an hour after the month's end the last of them has ended."""

UNSUMMED_MAX = 20_000
"""Events that a statement adds up itself.  More are missing only while the sums of a large ledger are first made."""
EVERYTHING = 2**63
"""For who has time."""


def month_of(text: str) -> tuple[int, int]:
    """The first instant of a month such as 2026-11, and of the next.  Raises BadRequest."""
    try:
        begin_us = from_rfc3339(f"{text}-01T00:00:00Z")
        return begin_us, next_month_us(begin_us)  # of the last month of all there is no next
    except ValueError as error:
        raise BadRequest(f"{text!r} is no month; write it like 2026-11", param="month") from error


def draw_up(
    conn: ReadConn, account: Account, month: str, now_us: int, *, unsummed_max: int = UNSUMMED_MAX
) -> Statement:
    """The account's statement of a calendar month (UTC), final an hour after its end.

    Raises:
        BadRequest: no month.
        StorageUnavailable: too much of the ledger is not summed yet.
    """
    number = month_number(month_of(month)[0])
    behind = rollups.count_behind(conn, account.id)
    if behind > unsummed_max:
        raise StorageUnavailable(
            f"{behind} requests of this account are not summed yet; try again when fewer than {unsummed_max} are left",
            retry_after_s=60,
        )
    found = rollups.read_month(conn, account.id, number)
    rater = Rater(lambda version: by_version(conn, version))
    more = tally(conn, rater, account.id, rollups.read_mark(conn, account.id)).months
    if number in more:
        found.add(more[number])
    return _statement(conn, account, month, found, now_us)


def _statement(conn: ReadConn, account: Account, month: str, found: Month, now_us: int) -> Statement:
    begin_us, end_us = month_of(month)
    lines = tuple(_line(kind, *found.lines[kind]) for kind in sorted(found.lines))
    applied = tuple(
        Applied(grant_id=grant.id, kind=grant.kind, reason=grant.reason, amount_nanousd=found.uses[grant.id])
        for grant in list_grants(conn, account.id)  # in the order in which they were given
        if grant.id in found.uses
    )
    total, paid = sum(line.cost_nanousd for line in lines), sum(each.amount_nanousd for each in applied)
    total_cents = sum(line.cents for line in lines)
    last_seq = max((last for _, _, last in found.counts.values()), default=None)
    return Statement(
        account_id=account.id,
        account_name=account.name,
        month=month,
        begin_us=begin_us,
        end_us=end_us,
        final=now_us >= end_us + FINAL_AFTER_US,
        requests=sum(requests for requests, _, _ in found.counts.values()),
        lines=lines,
        total_nanousd=total,
        total_cents=total_cents,
        rounding_nanousd=total_cents * NANOS_PER_CENT - total,
        applied=applied,
        applied_nanousd=paid,
        due_cents=total_cents
        - sum(credit_cents(total_cents, total - paid, [each.amount_nanousd for each in applied])),
        price_versions=tuple(sorted(found.counts)),
        first_seq=min((first for _, first, _ in found.counts.values()), default=None),
        last_seq=last_seq,
        last_hash=None if last_seq is None else store.hash_before(conn, account.id, last_seq + 1),
    )


def _line(kind: Kind, tokens: int, cost: int) -> Line:
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
