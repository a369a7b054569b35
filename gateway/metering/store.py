"""All SQL about usage events."""

from typing import Literal

import msgspec
from sqlalchemy import ColumnElement, String, cast, func, insert, select

from gateway.kit.clock import DAY_US
from gateway.kit.db import ReadConn, WriteConn, rows
from gateway.metering.tables import usage_events
from gateway.metering.types import UsageEvent, UsageRow

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
