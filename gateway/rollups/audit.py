"""The audit of everything: the ledger (metering/audit.py), and then its sums, derived again from the events."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.accounts.store import list_accounts
from gateway.accounts.types import Account
from gateway.catalog.store import by_version
from gateway.kit.db import ReadConn
from gateway.metering.audit import Difference, Report, audit
from gateway.metering.receipt import Rater
from gateway.rollups import store
from gateway.rollups.month import Month
from gateway.rollups.tally import add, month_of, nothing, tally
from gateway.rollups.types import Counted, Detail


def audit_all(conn: ReadConn, now_us: int) -> Report:
    """Reads everything twice, in one transaction."""
    report = audit(conn, now_us)
    rater = Rater(lambda version: by_version(conn, version))
    everybody = nothing()
    found: list[Difference] = []
    for account in list_accounts(conn):
        found += _check(conn, rater, account, everybody)
    found += _totals(conn, "everybody", None, everybody)
    return msgspec.structs.replace(report, differences=(*report.differences, *found))


def _check(conn: ReadConn, rater: Rater, account: Account, everybody: Counted) -> Iterator[Difference]:
    """Of one account, whose total is added to everybody's."""
    mark, unsplit = store.read_marks(conn, account.id)
    derived = tally(conn, rater, account.id, 0, mark, month_of, unsplit)
    for number in sorted(derived.months.keys() | store.months_of(conn, account.id)):
        if store.read_month(conn, account.id, number) != derived.months.get(number, Month()):
            where = f"month {number} since 1970-01"
            yield Difference(account.name, where, "the sums of its statement are not those of its receipts")
    total = nothing()
    for counted in derived.sums.values():
        add(total, counted)
    add(everybody, total)
    differ = list(_totals(conn, account.name, account.id, total))
    yield from differ
    if not differ:  # then it may still be in another month, or of another key
        yield from _groups(account, store.groups_of(conn, account.id), derived.sums)


def _totals(conn: ReadConn, name: str, account_id: str | None, total: Counted) -> Iterator[Difference]:
    for table, found in store.totals_of(conn, account_id).items():
        if problem := _difference(found, total):
            yield Difference(name, table, problem)


def _groups(
    account: Account, found: Mapping[Any, Detail], derived: Mapping[Any, Counted]
) -> Iterator[Difference]:
    for group in sorted(found.keys() | derived.keys()):
        if problem := _difference(found.get(group, Detail()), derived.get(group, nothing())):
            month, key_id, project_id, model = group
            where = f"month {month} since 1970-01, {key_id}, {project_id or 'no project'}, {model}"
            yield Difference(account.name, where, problem)


def _difference(found: Detail, derived: Counted) -> str:
    """Empty, or what differs in words."""
    wrong = [name for name, amount in derived.items() if getattr(found, name) != amount]
    return "; ".join(
        f"sums up {getattr(found, name)} {name}, but its events have {derived[name]}" for name in wrong
    )
