"""All SQL about sums by hour and by day."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Table, bindparam, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from typing_extensions import TypeVar

from gateway.credit.tables import balances
from gateway.keys.tables import key_uses
from gateway.kit.clock import DAY_US, HOUR_US, month_number
from gateway.kit.db import ReadConn, WriteConn, rows, upsert
from gateway.metering.tables import usage_events
from gateway.rollups.month import Month
from gateway.rollups.tables import (
    COUNTED,
    month_counts,
    month_lines,
    month_uses,
    rollup_marks,
    usage_all_days,
    usage_days,
    usage_hours,
    usage_months,
)
from gateway.rollups.types import Behind, By, Counted, Detail, Group, LineSum, Period, Portion, Sums

S = TypeVar("S", bound=Sums, default=Sums)
HOURS_A_DAY = DAY_US // HOUR_US
_KIND = ("model", "token_class", "price_nanousd_per_mtok", "discount_percent")

_done = func.coalesce(rollup_marks.c.account_seq, 0)
_BEHIND = (
    select(balances.c.account_id, _done.label("done"), balances.c.chain_seq.label("head"))
    .outerjoin(rollup_marks, rollup_marks.c.account_id == balances.c.account_id)
    .where(balances.c.chain_seq > _done)
    .order_by((balances.c.chain_seq - _done).desc())
    .limit(bindparam("limit"))
)


def list_behind(conn: ReadConn, limit: int, account_id: str | None = None) -> list[Behind]:
    """Those with most to add first; or only this account, if it is behind."""
    query = _BEHIND if account_id is None else _BEHIND.where(balances.c.account_id == account_id)
    return rows(Behind, conn.execute(query, {"limit": limit}))


def claim(conn: WriteConn, account_id: str, done: int, until: int) -> bool:
    """Moves an account's mark on; False: somebody else did it before."""
    if done == 0:
        conn.execute(upsert(conn.dialect.name, rollup_marks), {"account_id": account_id, "account_seq": 0})
    moved = conn.execute(
        update(rollup_marks)
        .where(rollup_marks.c.account_id == account_id, rollup_marks.c.account_seq == done)
        .values(account_seq=until)
    )
    return moved.rowcount == 1


def add_events(conn: WriteConn, portion: Portion) -> None:
    """Adds the portion's events to all sums.  Their account's mark was claimed in this transaction."""
    account = {"account_id": portion.account_id}
    hours = portion.tallied.sums
    days = _by(hours, lambda hour, *rest: (hour // HOURS_A_DAY, *rest))
    _add_sums(conn, usage_hours, account, hours)
    _add_sums(conn, usage_days, account, days)
    _add_sums(conn, usage_months, account, _by(days, lambda day, *rest: (month_number(day * DAY_US), *rest)))
    _add_sums(conn, usage_all_days, {}, _by(days, lambda day, *rest: (day, rest[-1])))
    wanted = {"account": portion.account_id, "done": portion.done, "until": portion.until}
    conn.execute(_last_used(conn.dialect.name), wanted)
    for number, month in sorted(portion.tallied.months.items()):
        _add_month(conn, {"account_id": portion.account_id, "month": number}, month)


def _by(sums: dict[Any, Counted], place: Callable[..., tuple[int | str, ...]]) -> dict[Any, Counted]:
    """The same sums by longer periods, or by less."""
    found: dict[Any, Counted] = {}
    for group, counted in sums.items():
        at = place(*group)
        known = found.get(at)
        found[at] = counted if known is None else {name: known[name] + more for name, more in counted.items()}
    return found


def _add_sums(conn: WriteConn, table: Table, account: dict[str, str], sums: dict[Any, Counted]) -> None:
    names = [column.name for column in table.primary_key if column.name not in account]
    rows = [account | dict(zip(names, place, strict=True)) | sums[place] for place in sorted(sums)]
    text, order = _adding(conn.dialect, table)
    conn.exec_driver_sql(text, [tuple(row[name] for name in order) for row in rows] if order else rows)


@cache
def _adding(dialect: Dialect, table: Table) -> tuple[str, Sequence[str]]:
    """What the driver is given, and in which order if it counts parameters.

    Compiled once, because these are many rows of plain numbers, for each of which SQLAlchemy works longer than SQLite does.
    """
    statement = upsert(dialect.name, table, *COUNTED, add=True)
    compiled: Any = statement.compile(dialect=dialect, column_keys=[column.name for column in table.c])
    return compiled.string, compiled.positiontup or ()


def _add_month(conn: WriteConn, place: dict[str, str | int], month: Month) -> None:
    adding = partial(upsert, conn.dialect.name, add=True)
    lines = [
        place | dict(zip(_KIND, kind, strict=True)) | {"tokens": tokens, "cost_nanousd": cost}
        for kind, (tokens, cost) in sorted(month.lines.items())
    ]
    if lines:
        conn.execute(adding(month_lines, "tokens", "cost_nanousd"), lines)
    uses = [
        place | {"grant_id": grant, "amount_nanousd": amount} for grant, amount in sorted(month.uses.items())
    ]
    if uses:
        conn.execute(adding(month_uses, "amount_nanousd"), uses)
    counts = [
        place | {"price_version": version, "requests": requests, "first_seq": first, "last_seq": last}
        for version, (requests, first, last) in sorted(month.counts.items())
    ]
    conn.execute(_count_months(conn.dialect.name), counts)


@cache
def _count_months(dialect: str) -> Any:
    statement: Any = (postgresql if dialect == "postgresql" else sqlite).insert(month_counts)
    table, more = month_counts.c, statement.excluded
    changed = {
        "requests": table.requests + more.requests,
        "first_seq": case((more.first_seq < table.first_seq, more.first_seq), else_=table.first_seq),
        "last_seq": case((more.last_seq > table.last_seq, more.last_seq), else_=table.last_seq),
    }
    return statement.on_conflict_do_update(index_elements=list(month_counts.primary_key), set_=changed)


def read_month(conn: ReadConn, account_id: str, number: int) -> Month:
    """As far as the account's mark."""
    month = Month()

    def rows_of(table: Table) -> Any:
        mine = (table.c.account_id == account_id, table.c.month == number)
        return conn.execute(select(table).where(*mine).order_by(*table.primary_key))

    for row in rows_of(month_lines):
        kind = (row.model, row.token_class, row.price_nanousd_per_mtok, row.discount_percent)
        month.add_line(kind, row.tokens, row.cost_nanousd)
    for row in rows_of(month_counts):
        month.add_requests(row.price_version, row.requests, row.first_seq, row.last_seq)
    for row in rows_of(month_uses):
        month.add_use(row.grant_id, row.amount_nanousd)
    return month


@cache
def _last_used(dialect: str) -> Any:
    """When each key's last request began."""
    events = usage_events.c
    portion = (events.account_id == bindparam("account"), events.account_seq > bindparam("done"),
               events.account_seq <= bindparam("until"))  # fmt: skip
    last = select(events.key_id, func.max(events.created_us)).where(*portion).group_by(events.key_id)
    statement: Any = (postgresql if dialect == "postgresql" else sqlite).insert(key_uses)
    later = statement.excluded.used_us > key_uses.c.used_us
    return statement.from_select(["key_id", "used_us"], last).on_conflict_do_update(
        index_elements=[key_uses.c.key_id], set_={"used_us": statement.excluded.used_us}, where=later
    )


def sum_by(
    conn: ReadConn,
    period: Period,
    between: tuple[int, int],
    *by: By,
    kind: type[S] = Sums,  # type: ignore[assignment]  # the least of them
    account_id: str | None = None,
    key_ids: Sequence[str] = (),
    project_ids: Sequence[str] = (),
    models: Sequence[str] = (),
) -> list[tuple[tuple[str | int, ...], S]]:
    """Sums of the periods [from, until), as numbers since 1970, of one account or of all; one row for each group.

    `kind`: `Detail` adds up twice as many columns.
    """
    table = {"hour": usage_hours, "day": usage_days, "month": usage_months}[period]
    if period == "day" and account_id is None and not key_ids and {*by} <= {"period", "model"}:
        table = usage_all_days
    groups = [table.c[period if name == "period" else name] for name in by]
    query = select(*groups, *(func.sum(table.c[name]).label(name) for name in kind.__struct_fields__)).where(
        table.c[period] >= between[0], table.c[period] < between[1]
    )
    if account_id is not None:
        query = query.where(table.c.account_id == account_id)
    if key_ids:
        query = query.where(table.c.key_id.in_(key_ids))
    if project_ids:
        query = query.where(table.c.project_id.in_(project_ids))
    if models:
        query = query.where(table.c.model.in_(models))
    found = conn.execute(query.group_by(*groups).order_by(*groups) if groups else query)
    # PostgreSQL's SUM(bigint) is a Decimal in Python; of no rows it is NULL.
    return [
        (
            tuple(row[: len(by)]),
            kind(**{name: int(getattr(row, name) or 0) for name in kind.__struct_fields__}),
        )
        for row in found
    ]


def sum_lines(conn: ReadConn, number: int) -> list[LineSum]:
    """Of a month of all accounts: one row for each account, model and token class."""
    table = month_lines.c
    group = (table.account_id, table.model, table.token_class)
    query = select(*group, func.sum(table.tokens), func.sum(table.cost_nanousd)).where(table.month == number)
    return [
        LineSum(account_id, model, token_class, int(tokens), int(cost))
        for account_id, model, token_class, tokens, cost in conn.execute(query.group_by(*group))
    ]


def months_of(conn: ReadConn, account_id: str) -> set[int]:
    """In which there was something."""
    return set(
        conn.execute(select(month_counts.c.month).where(month_counts.c.account_id == account_id)).scalars()
    )


def totals_of(conn: ReadConn, account_id: str | None) -> dict[str, Detail]:
    """All that an account ever used, by each of the tables that say it, or (None) what everybody did: for audits."""
    if account_id is None:
        return {usage_all_days.name: _total(conn, usage_all_days)}
    return {
        table.name: _total(conn, table, table.c.account_id == account_id)
        for table in (usage_hours, usage_days, usage_months)
    }


def _total(conn: ReadConn, table: Table, *of: ColumnElement[bool]) -> Detail:
    row = conn.execute(select(*(func.sum(table.c[name]).label(name) for name in COUNTED)).where(*of)).one()
    return Detail(**{name: int(getattr(row, name) or 0) for name in COUNTED})


def groups_of(conn: ReadConn, account_id: str) -> dict[Group, Detail]:
    """An account's sums by month: for audits."""
    found = conn.execute(select(usage_months).where(usage_months.c.account_id == account_id))
    return {
        (row.month, row.key_id, row.project_id, row.model): Detail(
            **{name: getattr(row, name) for name in COUNTED}
        )
        for row in found
    }


def read_mark(conn: ReadConn, account_id: str) -> int:
    """How far an account's sums go."""
    return read_marks(conn, account_id)[0]


def read_marks(conn: ReadConn, account_id: str) -> tuple[int, int]:
    """How far an account's sums go, and up to where they are not split."""
    marks = rollup_marks.c
    query = select(marks.account_seq, marks.unsplit_seq).where(marks.account_id == account_id)
    found = conn.execute(query).first()
    return (0, 0) if found is None else (found.account_seq, found.unsplit_seq)


def count_behind(conn: ReadConn, account_id: str) -> int:
    """How many of an account's events are not in its sums yet."""
    found = conn.execute(
        select(balances.c.chain_seq - _done)
        .select_from(balances)
        .outerjoin(rollup_marks, rollup_marks.c.account_id == balances.c.account_id)
        .where(balances.c.account_id == account_id)
    ).scalar()
    return int(found or 0)
