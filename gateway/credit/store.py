"""All SQL about credit.  An account changes under the lock of its row in `balances`, and nowhere else."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Result, bindparam, delete, func, insert, select, update

from gateway.credit.purse import Purse
from gateway.credit.tables import (
    balances,
    counters,
    grant_uses,
    grants,
    leases,
    open_grants,
    processes,
)
from gateway.credit.types import Balance, Counter, Grant, GrantUse, LeaseId, OpenGrant
from gateway.kit.db import ReadConn, WriteConn, insert_once, rows, upsert
from gateway.kit.prepared import Prepared, among

_SAVE_BALANCE = Prepared(
    lambda _: update(balances).where(balances.c.account_id == bindparam("id")),
    [name for name in Balance.__struct_fields__ if name not in ("account_id", "credit_limit_nanousd")],
)
"""Of what a purse may change: the limit is an operator's alone."""

_CHANGE_COUNTER = Prepared(
    lambda _: (
        update(counters)
        .where(counters.c.subject_id == bindparam("subject"), counters.c.period == bindparam("when"))
        .values(
            settled_nanousd=counters.c.settled_nanousd + bindparam("settled"),
            held_nanousd=counters.c.held_nanousd + bindparam("held"),
        )
    )
)
_CLAIM_BATCH = Prepared(
    lambda _: (
        update(processes)
        .where(processes.c.id == bindparam("process"), processes.c.batch == bindparam("before"))
        .values(batch=bindparam("before") + 1, expires_us=bindparam("expires"))
    )
)
_LOCK = Prepared(
    lambda dialect: (
        select(balances)
        .where(among(dialect, balances.c.account_id, "ids"))
        .order_by(balances.c.account_id)
        .with_for_update()
    ),
    lists=["ids"],
)
_OPEN = Prepared(
    lambda dialect: select(open_grants).where(
        among(dialect, open_grants.c.account_id, "ids"), open_grants.c.left_nanousd > 0
    ),
    lists=["ids"],
)
_COUNTERS = Prepared(
    lambda dialect: select(counters).where(
        among(dialect, counters.c.subject_id, "ids"), among(dialect, counters.c.period, "periods")
    ),
    lists=["ids", "periods"],
)
_SAVE_LEFT = Prepared(lambda dialect: upsert(dialect, open_grants, "left_nanousd"), open_grants.c.keys())
_USE_GRANTS = Prepared(lambda _: insert(grant_uses), grant_uses.c.keys())
_SAVE_LEASES = Prepared(lambda dialect: upsert(dialect, leases, "held_nanousd"), leases.c.keys())
_ADD_TO_COUNTERS = Prepared(
    lambda dialect: upsert(dialect, counters, "settled_nanousd", "held_nanousd", add=True), counters.c.keys()
)


# -- accounts -------------------------------------------------------------------------------------------------


def open_balance(
    conn: WriteConn, account_id: str, *, credit_limit_nanousd: int, renew_us: int, turn_us: int
) -> None:
    empty = Balance(
        account_id=account_id,
        granted_nanousd=0,
        settled_nanousd=0,
        held_nanousd=0,
        credit_limit_nanousd=credit_limit_nanousd,
        renew_us=renew_us,
        turn_us=turn_us,
    )
    conn.execute(insert(balances), msgspec.structs.asdict(empty))


def set_credit_limit(conn: WriteConn, account_id: str, nanousd: int) -> Balance:
    """The row is locked, and the limit was found to hold."""
    statement = update(balances).where(balances.c.account_id == account_id)
    changed = statement.values(credit_limit_nanousd=nanousd).returning(*balances.c)
    return rows(Balance, conn.execute(changed))[0]


def lock_purses(conn: WriteConn, account_ids: Iterable[str]) -> dict[str, Purse]:
    """The accounts that exist, locked until this transaction ends; in one order everywhere, so nobody deadlocks."""
    ids = sorted(set(account_ids))
    found = _LOCK.rows(conn, Balance, {"ids": ids})
    purses = {balance.account_id: Purse(balance, []) for balance in found}
    for grant in _OPEN.rows(conn, OpenGrant, {"ids": ids}):
        purses[grant.account_id].open_grants.append(grant)
    return purses


def save_purses(conn: WriteConn, purses: Iterable[Purse]) -> None:
    """Writes back what was locked; the database's CHECK repeats P1."""
    kept = list(purses)
    _SAVE_BALANCE.each(
        conn, [{**msgspec.structs.asdict(purse.balance), "id": purse.balance.account_id} for purse in kept]
    )
    given = [msgspec.structs.asdict(grant) for purse in kept for grant in purse.new_grants]
    if given:
        conn.execute(insert(grants), given)
    touched = {use.grant_id for purse in kept for use in purse.new_uses}
    touched |= {grant.id for purse in kept for grant in purse.new_grants}
    left = [
        msgspec.structs.asdict(grant)
        for purse in kept
        for grant in purse.open_grants
        if grant.grant_id in touched
    ]
    _SAVE_LEFT.each(conn, left)
    _USE_GRANTS.each(conn, [msgspec.structs.asdict(use) for purse in kept for use in purse.new_uses])


def read_balance(conn: ReadConn | WriteConn, account_id: str) -> Balance | None:
    found = rows(Balance, conn.execute(select(balances).where(balances.c.account_id == account_id)))
    return found[0] if found else None


def list_balances(conn: ReadConn, account_ids: Iterable[str]) -> dict[str, Balance]:
    """By account."""
    query = select(balances).where(balances.c.account_id.in_(list(account_ids)))
    return {each.account_id: each for each in rows(Balance, conn.execute(query))}


def list_grants(conn: ReadConn, account_id: str) -> list[Grant]:
    query = select(grants).where(grants.c.account_id == account_id).order_by(grants.c.created_us, grants.c.id)
    return rows(Grant, conn.execute(query))


def list_open_grants(conn: ReadConn, account_id: str) -> list[OpenGrant]:
    query = select(open_grants).where(open_grants.c.account_id == account_id)
    return rows(OpenGrant, conn.execute(query))


# -- processes and their leases -------------------------------------------------------------------------------


def claim_batch(conn: WriteConn, process_id: str, number: int, expires_us: int) -> bool:
    """Whether this transaction is that process's next; False: it was committed before, or the process was declared dead."""
    if number == 1:
        row = {"id": process_id, "batch": 1, "expires_us": expires_us}
        return insert_once(conn, processes, row)
    claim = {"process": process_id, "before": number - 1, "expires": expires_us}
    return _CLAIM_BATCH.count(conn, claim) == 1


def committed_batch(conn: ReadConn | WriteConn, process_id: str) -> int | None:
    """The number of the process's last batch; None: its row is gone."""
    return conn.execute(select(processes.c.batch).where(processes.c.id == process_id)).scalar()


def save_leases(conn: WriteConn, process_id: str, held: dict[LeaseId, int]) -> None:
    """What the process holds now, of each lease that changed."""
    _SAVE_LEASES.each(
        conn,
        [
            {"process_id": process_id, **msgspec.structs.asdict(lease), "held_nanousd": amount}
            for lease, amount in held.items()
        ],
    )


def read_leases(conn: ReadConn | WriteConn, process_id: str) -> dict[LeaseId, int]:
    query = select(leases).where(leases.c.process_id == process_id)
    return dict(_leases(conn.execute(query)))


def list_leases(conn: ReadConn, account_id: str) -> list[tuple[LeaseId, int]]:
    """Of all processes: for audits."""
    return _leases(conn.execute(select(leases).where(leases.c.account_id == account_id)))


def _leases(found: Result[Any]) -> list[tuple[LeaseId, int]]:
    return [
        (LeaseId(row.account_id, row.key_id, row.project_id, row.day_us), row.held_nanousd) for row in found
    ]


def lock_dead_process(conn: WriteConn, now_us: int) -> str | None:
    """One whose deadline passed, locked; nobody else can settle from its leases any more."""
    query = select(processes.c.id).where(processes.c.expires_us <= now_us).limit(1)
    return conn.execute(query.with_for_update(skip_locked=True)).scalar()


def lock_process(conn: WriteConn, process_id: str) -> bool:
    query = select(processes.c.id).where(processes.c.id == process_id)
    return conn.execute(query.with_for_update()).first() is not None


def forget_process(conn: WriteConn, process_id: str) -> None:
    """Its leases were given back."""
    conn.execute(delete(leases).where(leases.c.process_id == process_id))
    conn.execute(delete(processes).where(processes.c.id == process_id))


# -- keys and projects ----------------------------------------------------------------------------------------


def read_counters(
    conn: ReadConn | WriteConn, subject_ids: Iterable[str], periods: Iterable[str]
) -> dict[tuple[str, str], Counter]:
    """Those that have begun, by subject and period."""
    wanted = {"ids": sorted(set(subject_ids)), "periods": sorted(set(periods))}
    found = _COUNTERS.rows(conn, Counter, wanted)
    return {(counter.subject_id, counter.period): counter for counter in found}


def list_counters(conn: ReadConn, account_id: str) -> list[Counter]:
    """Of all its keys and projects, in all periods: for audits."""
    return rows(Counter, conn.execute(select(counters).where(counters.c.account_id == account_id)))


def change_counters(conn: WriteConn, changes: Iterable[Counter]) -> None:
    """Adds each change to its counter, or begins it.  Its account is locked.

    What was held was counted before, so a change downwards finds its row (and an upsert would not do: PostgreSQL
    checks the proposed row, and a negative one is refused).
    """
    kept = list(changes)
    up = [msgspec.structs.asdict(change) for change in kept if change.held_nanousd >= 0]
    down = [
        {
            "subject": change.subject_id,
            "when": change.period,
            "settled": change.settled_nanousd,
            "held": change.held_nanousd,
        }
        for change in kept
        if change.held_nanousd < 0
    ]
    _ADD_TO_COUNTERS.each(conn, up)
    _CHANGE_COUNTER.each(conn, down)


# -- sums, for audits and statements --------------------------------------------------------------------------


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What counters must equal: the sums of the rows behind them."""

    granted_nanousd: int
    held_nanousd: int
    opened_nanousd: int
    left_nanousd: int
    used_nanousd: int


def sum_rows(conn: ReadConn, account_id: str) -> Sums:
    """Sums over every row of an account: for audits and tests, never for the request path."""

    def total(column: Any, *where: Any) -> int:
        # PostgreSQL's SUM(bigint) is a Decimal in Python; money is int.
        return int(conn.execute(select(func.sum(column)).where(*where)).scalar() or 0)

    mine = grants.c.account_id == account_id
    leased = leases.c.account_id == account_id
    given = select(grants.c.id).where(mine)
    return Sums(
        granted_nanousd=total(grants.c.amount_nanousd, mine),
        held_nanousd=total(leases.c.held_nanousd, leased),
        opened_nanousd=total(grants.c.amount_nanousd, mine, grants.c.amount_nanousd > 0),
        left_nanousd=total(open_grants.c.left_nanousd, open_grants.c.account_id == account_id),
        used_nanousd=total(grant_uses.c.amount_nanousd, grant_uses.c.grant_id.in_(given)),
    )


def uses_of(conn: ReadConn, account_id: str) -> list[GrantUse]:
    """Every use of an account's grants."""
    query = (
        select(*grant_uses.c)
        .join(grants, grants.c.id == grant_uses.c.grant_id)
        .where(grants.c.account_id == account_id)
    )
    return rows(GrantUse, conn.execute(query))


def dead_processes(conn: ReadConn, before_us: int) -> list[str]:
    """Processes whose deadline passed before an instant and whose leases nobody gave back."""
    return list(conn.execute(select(processes.c.id).where(processes.c.expires_us < before_us)).scalars())
