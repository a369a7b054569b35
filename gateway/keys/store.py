"""All SQL about keys."""

from typing import Any

import msgspec
from sqlalchemy import insert, select, update

from gateway.errors import NotFound
from gateway.keys.tables import api_keys
from gateway.keys.types import Caller, Key
from gateway.kit.db import ReadConn, WriteConn, rows

_PUBLIC = [column for column in api_keys.c if column.name != "hash"]


def insert_key(conn: WriteConn, key: Key, keyed_hash: str) -> None:
    conn.execute(insert(api_keys).values(msgspec.structs.asdict(key) | {"hash": keyed_hash}))


def find_caller(conn: ReadConn, keyed_hash: str) -> Caller | None:
    """Who calls with this key; None when it is unknown or revoked."""
    query = select(
        api_keys.c.id.label("key_id"), *(api_keys.c[name] for name in Caller.__struct_fields__[1:])
    )
    found = rows(
        Caller, conn.execute(query.where(api_keys.c.hash == keyed_hash, api_keys.c.revoked_us.is_(None)))
    )
    return found[0] if found else None


def list_keys(conn: ReadConn, account_id: str | None = None) -> list[Key]:
    """Of one account, or of everybody."""
    query = select(*_PUBLIC).order_by(api_keys.c.created_us)
    if account_id is not None:
        query = query.where(api_keys.c.account_id == account_id)
    return rows(Key, conn.execute(query))


def revoke_key(conn: WriteConn, key_id: str, now_us: int) -> Key:
    """Revoking twice keeps the first time.  Raises NotFound."""
    conn.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_us.is_(None))
        .values(revoked_us=now_us)
    )
    return find_key(conn, key_id)


def change_key(conn: WriteConn, key_id: str, changes: dict[str, Any]) -> Key:
    """Changes the columns that are named.  Raises NotFound."""
    if changes:
        conn.execute(update(api_keys).where(api_keys.c.id == key_id).values(**changes))
    return find_key(conn, key_id)


def find_key(conn: ReadConn | WriteConn, key_id: str) -> Key:
    """Raises NotFound."""
    found = rows(Key, conn.execute(select(*_PUBLIC).where(api_keys.c.id == key_id)))
    if not found:
        raise NotFound(f"there is no key {key_id!r}; `tollway-gateway keys list` shows them")
    return found[0]
