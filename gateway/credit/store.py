"""All SQL about credit.  The database decides, in the statement that changes; nothing is looked up first."""

from typing import Any

import msgspec
from sqlalchemy import Table, bindparam, case, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.credit.tables import balances, grants, hold_resolutions, holds
from gateway.credit.types import Balance, Grant, Hold
from gateway.kit.db import ReadConn, WriteConn, rows

EXPIRY_GRACE_US = 60_000_000
"""How long after its time an unresolved hold is still no finding: the job that gives it back runs every 15 s."""

_FUNDED = balances.c.granted_nanousd + balances.c.credit_limit_nanousd - balances.c.settled_nanousd

_TAKE = (
    update(balances)
    .where(
        balances.c.account_id == bindparam("account"),
        _FUNDED - balances.c.held_nanousd >= bindparam("amount"),
        balances.c.free_until_us > bindparam("now"),  # else the month has turned: free.py comes first
    )
    .values(held_nanousd=balances.c.held_nanousd + bindparam("amount"))
)

_RESOLVE = (
    update(balances)
    .where(balances.c.account_id == bindparam("account"))
    .values(
        held_nanousd=balances.c.held_nanousd - bindparam("held"),
        settled_nanousd=balances.c.settled_nanousd + bindparam("settled"),
        free_left_nanousd=case(
            (
                balances.c.free_left_nanousd > bindparam("settled"),
                balances.c.free_left_nanousd - bindparam("settled"),
            ),
            else_=0,
        ),
    )
    .returning(*balances.c)
)

_GRANT = (
    update(balances)
    .where(balances.c.account_id == bindparam("account"))
    .values(granted_nanousd=balances.c.granted_nanousd + bindparam("amount"))
)


def _insert_once(conn: WriteConn, table: Table, values: dict[str, Any]) -> bool:
    """Inserts unless the primary key is there already; says whether it was new."""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing()
    return conn.execute(statement, values, execution_options={"preserve_rowcount": True}).rowcount == 1


def open_balance(conn: WriteConn, account_id: str, *, credit_limit_nanousd: int, free_until_us: int) -> None:
    conn.execute(
        insert(balances).values(
            account_id=account_id,
            granted_nanousd=0,
            settled_nanousd=0,
            held_nanousd=0,
            credit_limit_nanousd=credit_limit_nanousd,
            free_left_nanousd=0,
            free_until_us=free_until_us,
        )
    )


def insert_grant(conn: WriteConn, grant: Grant) -> bool:
    """Appends the grant and raises `granted`; False when this grant was there already."""
    if not _insert_once(conn, grants, msgspec.structs.asdict(grant)):
        return False
    conn.execute(_GRANT, {"account": grant.account_id, "amount": grant.amount_nanousd})
    return True


def take(conn: WriteConn, account_id: str, amount_nanousd: int, now_us: int) -> bool:
    """Raises `held` by the amount if the account can afford it: one statement, and the database decides.

    False, too, when the account's month has turned since its last hold.
    """
    return conn.execute(_TAKE, {"account": account_id, "amount": amount_nanousd, "now": now_us}).rowcount == 1


def give_back(conn: WriteConn, account_id: str, amount_nanousd: int) -> None:
    """Undoes a `take` of the same transaction."""
    conn.execute(_RESOLVE, {"account": account_id, "held": amount_nanousd, "settled": 0})


def insert_hold(conn: WriteConn, hold: Hold) -> bool:
    return _insert_once(conn, holds, msgspec.structs.asdict(hold))


def find_hold(conn: ReadConn | WriteConn, request_id: str) -> Hold | None:
    found = rows(Hold, conn.execute(select(holds).where(holds.c.request_id == request_id)))
    return found[0] if found else None


def resolve(conn: WriteConn, hold: Hold, kind: str, amount_nanousd: int, now_us: int) -> Balance | None:
    """Turns a hold into what it cost and returns the new balance; None when it was resolved before."""
    resolution = {
        "request_id": hold.request_id,
        "kind": kind,
        "amount_nanousd": amount_nanousd,
        "created_us": now_us,
    }
    if not _insert_once(conn, hold_resolutions, resolution):
        return None
    amounts = {"account": hold.account_id, "held": hold.amount_nanousd, "settled": amount_nanousd}
    return rows(Balance, conn.execute(_RESOLVE, amounts))[0]


def unresolved_holds(conn: ReadConn | WriteConn, expired_at_us: int, limit: int) -> list[Hold]:
    """Holds past their time that nobody resolved."""
    query = (
        select(holds)
        .outerjoin(hold_resolutions, hold_resolutions.c.request_id == holds.c.request_id)
        .where(hold_resolutions.c.request_id.is_(None), holds.c.expires_us <= expired_at_us)
        .order_by(holds.c.expires_us)
        .limit(limit)
    )
    return rows(Hold, conn.execute(query))


def read_balance(conn: ReadConn | WriteConn, account_id: str) -> Balance | None:
    found = rows(Balance, conn.execute(select(balances).where(balances.c.account_id == account_id)))
    return found[0] if found else None


def lock_balance(conn: WriteConn, account_id: str) -> Balance | None:
    """The balance, which nobody else changes until this transaction ends (SQLite has one writer anyway)."""
    query = select(balances).where(balances.c.account_id == account_id).with_for_update()
    found = rows(Balance, conn.execute(query))
    return found[0] if found else None


def set_free(conn: WriteConn, account_id: str, *, left_nanousd: int, until_us: int) -> Balance:
    """After the month's turn; the row is locked."""
    statement = update(balances).where(balances.c.account_id == account_id)
    changed = statement.values(free_left_nanousd=left_nanousd, free_until_us=until_us).returning(*balances.c)
    return rows(Balance, conn.execute(changed))[0]


def list_grants(conn: ReadConn, account_id: str) -> list[Grant]:
    query = select(grants).where(grants.c.account_id == account_id).order_by(grants.c.created_us)
    return rows(Grant, conn.execute(query))


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What the counters of `balances` must equal: the sums of the immutable rows."""

    granted_nanousd: int
    settled_nanousd: int
    held_nanousd: int


def sum_rows(conn: ReadConn, account_id: str) -> Sums:
    """Sums over every row of an account: for audits and tests, never for the request path."""
    granted = select(func.sum(grants.c.amount_nanousd)).where(grants.c.account_id == account_id)
    resolved = holds.outerjoin(hold_resolutions, hold_resolutions.c.request_id == holds.c.request_id)
    mine = holds.c.account_id == account_id
    settled = select(func.sum(hold_resolutions.c.amount_nanousd)).select_from(resolved).where(mine)
    held = select(func.sum(holds.c.amount_nanousd)).select_from(resolved)
    held = held.where(mine, hold_resolutions.c.request_id.is_(None))
    # PostgreSQL's SUM(bigint) is a Decimal in Python; money is int.
    return Sums(
        granted_nanousd=int(conn.execute(granted).scalar() or 0),
        settled_nanousd=int(conn.execute(settled).scalar() or 0),
        held_nanousd=int(conn.execute(held).scalar() or 0),
    )


def posted_amounts(conn: ReadConn, account_id: str) -> dict[str, int]:
    """What was taken from each of an account's holds, by request: for audits."""
    query = (
        select(hold_resolutions.c.request_id, hold_resolutions.c.amount_nanousd)
        .join(holds, holds.c.request_id == hold_resolutions.c.request_id)
        .where(holds.c.account_id == account_id, hold_resolutions.c.kind == "posted")
    )
    return {row.request_id: row.amount_nanousd for row in conn.execute(query)}


def dead_holds(conn: ReadConn, account_id: str, now_us: int) -> list[str]:
    """Requests of an account whose hold is well past its time and was never resolved."""
    query = (
        select(holds.c.request_id)
        .outerjoin(hold_resolutions, hold_resolutions.c.request_id == holds.c.request_id)
        .where(
            holds.c.account_id == account_id,
            hold_resolutions.c.request_id.is_(None),
            holds.c.expires_us < now_us - EXPIRY_GRACE_US,
        )
    )
    return list(conn.execute(query).scalars())
