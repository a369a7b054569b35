"""All SQL about usage events."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Select, String, case, cast, func, insert, select, tuple_

from gateway.credit.tables import grant_uses
from gateway.errors import BadRequest
from gateway.kit.clock import DAY_US
from gateway.kit.db import ReadConn, WriteConn, rows, upsert
from gateway.kit.prepared import Prepared, among
from gateway.metering.tables import drift_samples, tier_counters, usage_events
from gateway.metering.types import (
    DriftRow,
    DriftSample,
    Link,
    Selection,
    TierCounter,
    UsageEvent,
    UsageRow,
)

GroupBy = Literal["account", "key", "project", "model", "day"]

_COUNTED = (
    "input_tokens",
    "input_image_tokens",
    "input_cached_tokens",
    "output_tokens",
    "output_reasoning_tokens",
    "cost_nanousd",
)

_EVENT = [usage_events.c[name] for name in UsageEvent.__struct_fields__]
_VOLUMES = Prepared(
    lambda dialect: select(tier_counters).where(
        among(dialect, tier_counters.c.account_id, "accounts"),
        among(dialect, tier_counters.c.month, "months"),
    ),
    lists=["accounts", "months"],
)
_SAVE_VOLUMES = Prepared(lambda dialect: upsert(dialect, tier_counters, "tokens"), tier_counters.c.keys())
_INSERT_EVENT = Prepared(
    lambda _: insert(usage_events), UsageEvent.__struct_fields__ + Link.__struct_fields__
)
_LINK = [usage_events.c[name] for name in Link.__struct_fields__]


def insert_events(conn: WriteConn, events: list[tuple[UsageEvent, Link]]) -> None:
    """Appends events with their places in their accounts' chains.  Their accounts are locked."""
    _INSERT_EVENT.each(conn, [asdict(event) | asdict(place) for event, place in events])


def read_tier_counters(
    conn: ReadConn | WriteConn, account_ids: Iterable[str], months: Iterable[str]
) -> list[TierCounter]:
    return _VOLUMES.rows(conn, TierCounter, {"accounts": list(account_ids), "months": list(months)})


def list_tier_counters(conn: ReadConn, account_id: str) -> list[TierCounter]:
    """Of every month: for audits."""
    query = select(tier_counters).where(tier_counters.c.account_id == account_id)
    return rows(TierCounter, conn.execute(query))


def save_tier_counters(conn: WriteConn, counters: Iterable[TierCounter]) -> None:
    """Begins or moves on counters whose accounts are locked."""
    _SAVE_VOLUMES.each(conn, [asdict(counter) for counter in counters])


def find_event(conn: ReadConn | WriteConn, request_id: str) -> UsageEvent | None:
    query = select(*_EVENT).where(usage_events.c.request_id == request_id)
    return next(iter(rows(UsageEvent, conn.execute(query))), None)


def find_link(conn: ReadConn | WriteConn, request_id: str) -> Link:
    """Of an event that is known to exist."""
    return rows(Link, conn.execute(select(*_LINK).where(usage_events.c.request_id == request_id)))[0]


def hash_before(conn: ReadConn, account_id: str, seq: int) -> str | None:
    """Of the event before this number in its account's chain; None: there is none."""
    return conn.execute(
        select(usage_events.c.chain_hash).where(
            usage_events.c.account_id == account_id, usage_events.c.account_seq == seq - 1
        )
    ).scalar()


def walk_chain(
    conn: ReadConn, account_id: str, done: int = 0, until: int | None = None
) -> Iterator[tuple[UsageEvent, Link]]:
    """An account's events numbered (done, until], in the order of their chain, without holding them all."""
    query = select(*_EVENT, *_LINK).where(
        usage_events.c.account_id == account_id, usage_events.c.account_seq > done
    )
    if until is not None:
        query = query.where(usage_events.c.account_seq <= until)
    return _walk(conn, query.order_by(usage_events.c.account_seq))


def _walk(conn: ReadConn, query: Select[Any]) -> Iterator[tuple[UsageEvent, Link]]:
    names = UsageEvent.__struct_fields__
    for *fields, seq, chain_hash in conn.execute(query.execution_options(yield_per=1000)):
        yield UsageEvent(**dict(zip(names, fields, strict=True))), Link(seq, chain_hash)


def walk_between(
    conn: ReadConn, account_id: str, begin_us: int, end_us: int
) -> Iterator[tuple[UsageEvent, Link]]:
    """An account's requests that began in [begin, end), oldest first, without holding them all."""
    query = (
        select(*_EVENT, *_LINK)
        .where(
            usage_events.c.account_id == account_id,
            usage_events.c.created_us >= begin_us,
            usage_events.c.created_us < end_us,
        )
        .order_by(usage_events.c.created_us, usage_events.c.account_seq)
    )
    return _walk(conn, query)


def sum_uses_by_day(
    conn: ReadConn, account_id: str, done: int, until: int | None
) -> list[tuple[int, str, int]]:
    """What each grant paid of the requests numbered (done, until], by the day in which they began."""
    day = usage_events.c.created_us // DAY_US
    query = (
        select(day, grant_uses.c.grant_id, func.sum(grant_uses.c.amount_nanousd))
        .select_from(usage_events)
        .join(grant_uses, usage_events.c.request_id == grant_uses.c.used_by)
        .where(usage_events.c.account_id == account_id, usage_events.c.account_seq > done)
        .group_by(day, grant_uses.c.grant_id)
    )
    if until is not None:
        query = query.where(usage_events.c.account_seq <= until)
    return [(int(when), grant_id, int(amount)) for when, grant_id, amount in conn.execute(query)]


def sum_usage(
    conn: ReadConn,
    chosen: Selection,
    group_by: GroupBy,
    *,
    after_seq: int = 0,
    account_ids: Sequence[str] = (),
) -> list[UsageRow]:
    """Sums over the chosen events, one row per group.  Reads each of them: for a short time, or for what is not in
    the sums yet (rollups/usage.py); beyond the number `after_seq` of one account, or of several accounts.
    """
    group: ColumnElement[str] = {
        "account": usage_events.c.account_id,
        "key": usage_events.c.key_id,
        "project": func.coalesce(usage_events.c.project_id, ""),
        "model": usage_events.c.model,
        "day": cast(usage_events.c.created_us // DAY_US, String),
    }[group_by]
    query = (
        select(
            group.label("group"),
            func.count().label("requests"),
            *(func.sum(usage_events.c[name]).label(name) for name in _COUNTED),
        )
        .where(*_chosen(chosen))
        .group_by(group)
    )
    if after_seq:
        query = query.where(usage_events.c.account_seq > after_seq)
    if account_ids:
        query = query.where(usage_events.c.account_id.in_(account_ids))
    # PostgreSQL's SUM(bigint) is a Decimal in Python; counts and money are int.
    return [
        UsageRow(
            group=row.group,
            requests=int(row.requests),
            **{name: int(getattr(row, name)) for name in _COUNTED},
        )
        for row in conn.execute(query)
    ]


def list_events(
    conn: ReadConn, chosen: Selection, *, limit: int, after: str | None = None
) -> list[UsageEvent]:
    """An account's, the last to begin first; at most `limit`, beyond the request `after`.

    Walks back along the index of what was chosen, so that no other events are read.

    Raises:
        BadRequest: `after` is none of the account's requests.
    """
    assert chosen.account_id is not None, "places in the chain order one account's events"
    place = (usage_events.c.created_us, usage_events.c.account_seq)
    query = (
        select(*_EVENT).where(*_chosen(chosen)).order_by(*(column.desc() for column in place)).limit(limit)
    )
    if after is not None:
        last = conn.execute(
            select(*place).where(
                usage_events.c.request_id == after, usage_events.c.account_id == chosen.account_id
            )
        ).first()
        if last is None:
            raise BadRequest(f"there is no request {after!r} to go on after", param="after")
        query = query.where(tuple_(*place) < tuple_(*last))
    by = ("key" if chosen.key_id else "account", "model" if chosen.model else "created")
    query = query.with_hint(usage_events, f"INDEXED BY ix_usage_events_{by[0]}_{by[1]}", "sqlite")
    return rows(UsageEvent, conn.execute(query))


def _chosen(chosen: Selection) -> list[ColumnElement[bool]]:
    table = usage_events.c
    compared = (
        (operator.eq, table.account_id, chosen.account_id),
        (operator.ge, table.created_us, chosen.since_us),
        (operator.lt, table.created_us, chosen.until_us),
        (operator.eq, table.model, chosen.model),
        (operator.eq, table.key_id, chosen.key_id),
        (operator.eq, table.project_id, chosen.project_id),
    )
    return [compare(column, value) for compare, column, value in compared if value is not None]


TYPICAL_OF_LAST = 100
"""How many of an account's last completed requests say what is typical."""
TYPICAL_LOOKED_AT = 500
"""Among how many they are looked for: a model that has failed for long has no end of failures to read."""


def typical_output(conn: ReadConn, account_id: str, model: str) -> int | None:
    """The mean output of the account's last completed requests to a model; None without any."""
    looked_at = (
        select(usage_events.c.output_tokens, usage_events.c.outcome, usage_events.c.created_us)
        .where(
            usage_events.c.account_id == account_id,
            usage_events.c.model == model,
        )
        .order_by(usage_events.c.created_us.desc())
        .limit(TYPICAL_LOOKED_AT)
        .with_hint(usage_events, "INDEXED BY ix_usage_events_account_model", "sqlite")
        .subquery()
    )
    last = (
        select(looked_at.c.output_tokens)
        .where(looked_at.c.outcome == "completed")
        .order_by(looked_at.c.created_us.desc())
        .limit(TYPICAL_OF_LAST)
        .subquery()
    )
    count, total = conn.execute(select(func.count(), func.sum(last.c.output_tokens)).select_from(last)).one()
    return None if not count else int(total) // int(count)


def insert_sample(conn: WriteConn, sample: DriftSample) -> None:
    """Again: changes nothing."""
    known = select(drift_samples.c.request_id).where(drift_samples.c.request_id == sample.request_id)
    if conn.execute(known).first() is None:
        conn.execute(insert(drift_samples), asdict(sample))


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
