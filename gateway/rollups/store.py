"""All SQL about sums by hour and by day."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, Table, bindparam, case, func, literal, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.credit.tables import balances
from gateway.kit.clock import DAY_US, HOUR_US
from gateway.kit.db import ReadConn, WriteConn, rows, upsert
from gateway.metering.tables import usage_events
from gateway.metering.types import BILLED
from gateway.rollups.tables import SUMMED, rollup_marks, usage_days, usage_hours
from gateway.rollups.types import Behind, By, Period, Sums

_PERIODS = ((usage_hours, "hour", HOUR_US), (usage_days, "day", DAY_US))

_done = func.coalesce(rollup_marks.c.account_seq, 0)
_BEHIND = (
    select(balances.c.account_id, _done.label("done"), balances.c.chain_seq.label("head"))
    .outerjoin(rollup_marks, rollup_marks.c.account_id == balances.c.account_id)
    .where(balances.c.chain_seq > _done)
    .order_by((balances.c.chain_seq - _done).desc())
    .limit(bindparam("limit"))
)


def list_behind(conn: ReadConn, limit: int) -> list[Behind]:
    """Those with most to add first."""
    return rows(Behind, conn.execute(_BEHIND, {"limit": limit}))


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


def add_events(conn: WriteConn, account_id: str, done: int, until: int) -> None:
    """Adds the events numbered (done, until] to the sums.  Their account's mark was claimed in this transaction."""
    wanted = {"account": account_id, "done": done, "until": until}
    for statement in _folds(conn.dialect.name):
        conn.execute(statement, wanted)


@cache
def _folds(dialect: str) -> tuple[Any, ...]:
    return tuple(_fold(dialect, table, period, length_us) for table, period, length_us in _PERIODS)


def _fold(dialect: str, table: Table, period: str, length_us: int) -> Any:
    """INSERT … SELECT … GROUP BY … ON CONFLICT: the database adds up, no event travels."""
    names = ["account_id", period, "key_id", "model", "requests", "unbilled_requests", *SUMMED]
    counted = ["requests", "unbilled_requests", *SUMMED]
    kind = postgresql if dialect == "postgresql" else sqlite
    statement: Any = kind.insert(table).from_select(names, _grouped(length_us))
    changed = {name: table.c[name] + statement.excluded[name] for name in counted}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)


def _grouped(length_us: int) -> Select[Any]:
    events = usage_events.c
    began = events.created_us // literal(length_us)
    unbilled = case((events.outcome.in_(sorted(BILLED)), 0), else_=1)
    return (
        select(
            events.account_id,
            began,
            events.key_id,
            events.model,
            func.count(),
            func.sum(unbilled),
            *(func.sum(events[name]) for name in SUMMED),
        )
        .where(
            events.account_id == bindparam("account"),
            events.account_seq > bindparam("done"),
            events.account_seq <= bindparam("until"),
            true(),
        )
        .group_by(events.account_id, began, events.key_id, events.model)
    )


def sum_by(
    conn: ReadConn,
    period: Period,
    between: tuple[int, int],
    *by: By,
    account_id: str | None = None,
    key_ids: Sequence[str] = (),
    models: Sequence[str] = (),
) -> list[tuple[tuple[str | int, ...], Sums]]:
    """Sums of the periods [from, until), as numbers since 1970, of one account or of all; one row for each group.

    Reads usage_hours or usage_days along their keys; of all accounts only days, along ix_usage_days_day.
    """
    assert account_id is not None or period == "day", "hours are ordered by account"
    table = usage_hours if period == "hour" else usage_days
    groups = [table.c[period if name == "period" else name] for name in by]
    query = select(*groups, *(func.sum(table.c[name]).label(name) for name in Sums.__struct_fields__)).where(
        table.c[period] >= between[0], table.c[period] < between[1]
    )
    if account_id is not None:
        query = query.where(table.c.account_id == account_id)
    if key_ids:
        query = query.where(table.c.key_id.in_(key_ids))
    if models:
        query = query.where(table.c.model.in_(models))
    found = conn.execute(query.group_by(*groups).order_by(*groups) if groups else query)
    # PostgreSQL's SUM(bigint) is a Decimal in Python; of no rows it is NULL.
    return [
        (
            tuple(row[: len(by)]),
            Sums(**{name: int(getattr(row, name) or 0) for name in Sums.__struct_fields__}),
        )
        for row in found
    ]


def count_behind(conn: ReadConn, account_id: str) -> int:
    """How many of an account's events are not in its sums yet."""
    found = conn.execute(
        select(balances.c.chain_seq - _done)
        .select_from(balances)
        .outerjoin(rollup_marks, rollup_marks.c.account_id == balances.c.account_id)
        .where(balances.c.account_id == account_id)
    ).scalar()
    return int(found or 0)
