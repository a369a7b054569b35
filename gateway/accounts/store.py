"""All SQL about accounts."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import insert, select, update

from gateway.accounts.tables import accounts, suspensions
from gateway.accounts.types import Account, Suspension
from gateway.errors import Conflict, NotFound
from gateway.kit.db import ReadConn, WriteConn, rows, upsert


def insert_account(conn: WriteConn, account: Account) -> None:
    """Raises Conflict when the name is taken."""
    taken = conn.execute(select(accounts.c.id).where(accounts.c.name == account.name)).scalar()
    if taken is not None and taken != account.id:
        raise Conflict(f"there is an account named {account.name!r} already ({taken}); choose another name")
    if taken is None:
        conn.execute(insert(accounts).values(msgspec.structs.asdict(account)))


def find_account(conn: ReadConn | WriteConn, name_or_id: str) -> Account:
    """Raises NotFound."""
    by_either = (accounts.c.name == name_or_id) | (accounts.c.id == name_or_id)
    found = rows(Account, conn.execute(select(accounts).where(by_either)))
    if not found:
        raise NotFound(f"there is no account {name_or_id!r}; `tollway-gateway accounts list` shows them")
    return found[0]


def names_of(conn: ReadConn, account_ids: Iterable[str]) -> dict[str, str]:
    """By id."""
    query = select(accounts.c.id, accounts.c.name).where(accounts.c.id.in_(list(account_ids)))
    return {row.id: row.name for row in conn.execute(query)}


def list_accounts(
    conn: ReadConn, *, find: str = "", after: str = "", limit: int | None = None
) -> list[Account]:
    """By name: those that have `find` in it, beyond the name `after`."""
    query = select(accounts).where(accounts.c.name > after).order_by(accounts.c.name).limit(limit)
    if find:
        query = query.where(accounts.c.name.icontains(find, autoescape=True))
    return rows(Account, conn.execute(query))


def insert_suspension(conn: WriteConn, suspension: Suspension) -> None:
    """The same again changes nothing."""
    conn.execute(upsert(conn.dialect.name, suspensions), msgspec.structs.asdict(suspension))


def end_suspension(conn: WriteConn, account_id: str, because_of: str, now_us: int) -> None:
    """Lifting what was lifted changes nothing."""
    of = (suspensions.c.account_id == account_id, suspensions.c.because_of == because_of)
    conn.execute(update(suspensions).where(*of, suspensions.c.lifted_us.is_(None)).values(lifted_us=now_us))


def list_all_suspensions(conn: ReadConn) -> list[Suspension]:
    """Of all accounts, those in force, the oldest first."""
    query = select(suspensions).where(suspensions.c.lifted_us.is_(None))
    return rows(Suspension, conn.execute(query.order_by(suspensions.c.since_us, suspensions.c.because_of)))


def list_suspensions(conn: ReadConn | WriteConn, account_id: str) -> list[Suspension]:
    """Those in force, the oldest first."""
    query = select(suspensions).where(
        suspensions.c.account_id == account_id, suspensions.c.lifted_us.is_(None)
    )
    return rows(Suspension, conn.execute(query.order_by(suspensions.c.since_us, suspensions.c.because_of)))
