"""All SQL about usage events."""

from typing import Literal

import msgspec
from sqlalchemy import ColumnElement, String, case, cast, func, insert, select

from gateway.kit.clock import DAY_US
from gateway.kit.db import ReadConn, WriteConn, rows
from gateway.metering.tables import drift_samples, usage_events
from gateway.metering.types import DriftRow, DriftSample, UsageEvent, UsageRow

GroupBy = Literal["key", "model", "day"]

_COUNTED = (
    "input_tokens",
    "input_image_tokens",
    "input_cached_tokens",
    "output_tokens",
    "output_reasoning_tokens",
    "cost_nanousd",
)


def insert_event(conn: WriteConn, event: UsageEvent) -> None:
    conn.execute(insert(usage_events), msgspec.structs.asdict(event))


def find_event(conn: ReadConn | WriteConn, request_id: str) -> UsageEvent | None:
    found = rows(
        UsageEvent, conn.execute(select(usage_events).where(usage_events.c.request_id == request_id))
    )
    return found[0] if found else None


def sum_usage(
    conn: ReadConn, account_id: str, group_by: GroupBy, since_us: int | None, until_us: int | None
) -> list[UsageRow]:
    """Sums over an account's events in [since, until), one row per group; a day is its number since the epoch."""
    group: ColumnElement[str] = {
        "key": usage_events.c.key_id,
        "model": usage_events.c.model,
        "day": cast(usage_events.c.created_us // DAY_US, String),
    }[group_by]
    query = (
        select(
            group.label("group"),
            func.count().label("requests"),
            *(func.sum(usage_events.c[name]).label(name) for name in _COUNTED),
        )
        .where(usage_events.c.account_id == account_id)
        .group_by(group)
        .order_by(group)
    )
    if since_us is not None:
        query = query.where(usage_events.c.created_us >= since_us)
    if until_us is not None:
        query = query.where(usage_events.c.created_us < until_us)
    # PostgreSQL's SUM(bigint) is a Decimal in Python; counts and money are int.
    return [
        UsageRow(
            group=row.group,
            requests=int(row.requests),
            **{name: int(getattr(row, name)) for name in _COUNTED},
        )
        for row in conn.execute(query)
    ]


TYPICAL_OF_LAST = 100
"""How many of an account's last requests say what is typical."""


def typical_output(conn: ReadConn, account_id: str, model: str) -> int | None:
    """The mean output of the account's last completed requests to a model; None without any."""
    last = (
        select(usage_events.c.output_tokens)
        .where(
            usage_events.c.account_id == account_id,
            usage_events.c.model == model,
            usage_events.c.outcome == "completed",
        )
        .order_by(usage_events.c.created_us.desc())
        .limit(TYPICAL_OF_LAST)
        .subquery()
    )
    count, total = conn.execute(select(func.count(), func.sum(last.c.output_tokens)).select_from(last)).one()
    return None if not count else int(total) // int(count)


def tokens_since(conn: ReadConn, account_id: str, since_us: int) -> int:
    """All billed tokens of an account from an instant on."""
    total = func.sum(usage_events.c.input_tokens + usage_events.c.output_tokens)
    query = select(total).where(
        usage_events.c.account_id == account_id,
        usage_events.c.created_us >= since_us,
        usage_events.c.cost_nanousd > 0,
    )
    return int(conn.execute(query).scalar() or 0)


def insert_sample(conn: WriteConn, sample: DriftSample) -> None:
    """Again: changes nothing."""
    known = select(drift_samples.c.request_id).where(drift_samples.c.request_id == sample.request_id)
    if conn.execute(known).first() is None:
        conn.execute(insert(drift_samples), msgspec.structs.asdict(sample))


def sum_drift(conn: ReadConn) -> list[DriftRow]:
    """One row per model and worker; the drift is the sum of absolute differences, so that signs do not cancel."""
    table = drift_samples.c
    inputs = func.abs(table.worker_input_tokens - table.counted_input_tokens)
    outputs = func.abs(
        table.worker_output_tokens - table.counted_output_tokens - table.explained_output_tokens
    )
    query = (
        select(
            table.model,
            table.worker,
            table.kind,
            func.count().label("samples"),
            func.sum(case((inputs > 0, 1), else_=0)).label("input_differs"),
            func.sum(inputs).label("input_drift_tokens"),
            func.max(inputs).label("input_drift_max"),
            func.sum(case((outputs > 0, 1), else_=0)).label("output_differs"),
            func.sum(outputs).label("output_drift_tokens"),
            func.max(outputs).label("output_drift_max"),
        )
        .group_by(table.model, table.worker, table.kind)
        .order_by(table.model, table.worker)
    )
    # PostgreSQL's SUM(bigint) is a Decimal in Python; counts are int.
    return [
        DriftRow(
            model=row.model,
            worker=row.worker,
            kind=row.kind,
            **{name: int(getattr(row, name)) for name in _DRIFT},
        )
        for row in conn.execute(query)
    ]


_DRIFT = DriftRow.__struct_fields__[3:]
