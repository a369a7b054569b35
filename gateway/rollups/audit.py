"""The audit of everything: the ledger (metering/audit.py), and then its sums, derived again from the events."""

from collections.abc import Iterator

import msgspec

from gateway.accounts.store import list_accounts
from gateway.accounts.types import Account
from gateway.catalog.store import by_version
from gateway.kit.db import ReadConn
from gateway.metering.audit import Difference, Report, audit
from gateway.metering.receipt import Rater
from gateway.rollups import store
from gateway.rollups.month import Month
from gateway.rollups.tally import tally


def audit_all(conn: ReadConn, now_us: int) -> Report:
    """Reads everything twice, in one transaction."""
    report = audit(conn, now_us)
    rater = Rater(lambda version: by_version(conn, version))
    found = [each for account in list_accounts(conn) for each in _check(conn, rater, account)]
    return msgspec.structs.replace(report, differences=(*report.differences, *found))


def _check(conn: ReadConn, rater: Rater, account: Account) -> Iterator[Difference]:
    mark = store.read_mark(conn, account.id)
    months = tally(conn, rater, account.id, 0, mark)
    for number in sorted(months.keys() | store.months_of(conn, account.id)):
        if store.read_month(conn, account.id, number) != months.get(number, Month()):
            where = f"month {number} since 1970-01"
            yield Difference(account.name, where, "the sums of its statement are not those of its receipts")
    requests = sum(count for month in months.values() for count, _, _ in month.counts.values())
    cost = sum(cost for month in months.values() for _, cost in month.lines.values())
    for table, totals in store.totals_of(conn, account.id).items():
        if totals != (requests, cost):
            problem = f"sums up {totals[0]} requests for {totals[1]}, but there are {requests} for {cost}"
            yield Difference(account.name, table, problem)
