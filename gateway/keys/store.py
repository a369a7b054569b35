"""All SQL about keys."""

import msgspec
from sqlalchemy import insert, select, update

from gateway.errors import NotFound
from gateway.keys.tables import api_keys
from gateway.keys.types import Caller, Key
from gateway.kit.db import ReadConn, WriteConn, rows

_CAPS = [api_keys.c[f"cap_{window}_nanousd"] for window in ("day", "month", "total")]
_PUBLIC = [column for column in api_keys.c if column.name != "hash"]


def insert_key(conn: WriteConn, key: Key, keyed_hash: str) -> None:
    conn.execute(insert(api_keys).values(msgspec.structs.asdict(key) | {"hash": keyed_hash}))


def find_caller(conn: ReadConn, keyed_hash: str) -> Caller | None:
    """Who calls with this key; None when it is unknown or revoked."""
    query = select(api_keys.c.id, api_keys.c.kind, api_keys.c.account_id, *_CAPS)
    row = conn.execute(query.where(api_keys.c.hash == keyed_hash, api_keys.c.revoked_us.is_(None))).first()
    return None if row is None else Caller(*row)


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


def set_caps(conn: WriteConn, key_id: str, caps: dict[str, int | None]) -> Key:
    """Changes the caps that are named (`cap_day_nanousd`, …); None removes one.  Raises NotFound."""
    if caps:
        conn.execute(update(api_keys).where(api_keys.c.id == key_id).values(**caps))
    return find_key(conn, key_id)


def find_key(conn: ReadConn | WriteConn, key_id: str) -> Key:
    """Raises NotFound."""
    found = rows(Key, conn.execute(select(*_PUBLIC).where(api_keys.c.id == key_id)))
    if not found:
        raise NotFound(f"there is no key {key_id!r}; `tollway-gateway keys list` shows them")
    return found[0]
