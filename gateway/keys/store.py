"""All SQL about keys."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, case, exists, func, insert, null, or_, select, update

from gateway.accounts.tables import suspensions
from gateway.errors import NotFound
from gateway.keys.tables import api_keys, key_uses
from gateway.keys.types import Caller, Key
from gateway.kit.db import ReadConn, WriteConn, rows
from gateway.limits.store import list_limits
from gateway.limits.tables import limit_settings
from gateway.projects.tables import projects

_PUBLIC = (
    *(column for column in api_keys.c if column.name not in {"hash", "previous_hash"}),
    key_uses.c.used_us.label("last_used_us"),
)
_KEYS = select(*_PUBLIC).select_from(api_keys.outerjoin(key_uses, key_uses.c.key_id == api_keys.c.id))
_OF_CALLER = [api_keys.c[name] for name in Caller.__struct_fields__ if name in api_keys.c]
_OF_PROJECT = [name for name in Caller.__struct_fields__ if name.startswith("project_cap_")]


def insert_key(conn: WriteConn, key: Key, keyed_hash: str) -> None:
    values = msgspec.structs.asdict(key) | {"hash": keyed_hash}
    del values["last_used_us"]
    conn.execute(insert(api_keys).values(values))


def find_caller(conn: ReadConn, keyed_hash: str) -> Caller | None:
    """Who calls with this secret, be it the last or the one before; None when it is unknown or its key revoked.

    Whether its time is over is asked at each request (allow.py).
    """
    replaced = case((api_keys.c.hash == keyed_hash, null()), else_=api_keys.c.previous_until_us)
    return _caller(conn, replaced, or_(api_keys.c.hash == keyed_hash, api_keys.c.previous_hash == keyed_hash))


def find_caller_named(conn: ReadConn, account_id: str, name: str) -> Caller | None:
    """As a key of this name would call, without its secret; None when there is none that lives."""
    return _caller(conn, null(), api_keys.c.account_id == account_id, api_keys.c.name == name)


def _caller(conn: ReadConn, replaced_us: ColumnElement[Any], *wanted: ColumnElement[bool]) -> Caller | None:
    limited = exists().where(limit_settings.c.account_id == api_keys.c.account_id)
    suspended = exists().where(
        suspensions.c.account_id == api_keys.c.account_id, suspensions.c.lifted_us.is_(None)
    )
    query = select(
        api_keys.c.id.label("key_id"),
        *_OF_CALLER,
        *(projects.c[name.removeprefix("project_")].label(name) for name in _OF_PROJECT),
        replaced_us.label("replaced_us"),
        limited.label("limited"),
        suspended.label("suspended"),
    ).outerjoin(projects, projects.c.id == api_keys.c.project_id)
    living = query.where(*wanted, api_keys.c.revoked_us.is_(None)).order_by(api_keys.c.id).limit(1)
    row = conn.execute(living).mappings().first()
    if row is None:
        return None
    fields = dict(row) | {"suspended": bool(row["suspended"])}
    if fields.pop("limited"):
        set_ones = list_limits(conn, row["account_id"], (row["key_id"],))
        fields["account_limits"] = set_ones.get((row["account_id"], ""))
        fields["key_limits"] = set_ones.get((row["account_id"], row["key_id"]))
    return Caller(**fields)


def list_keys(conn: ReadConn, account_id: str | None = None) -> list[Key]:
    """Of one account, or of everybody."""
    query = _KEYS.order_by(api_keys.c.created_us, api_keys.c.id)
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


def replace_secret(
    conn: WriteConn, key_id: str, *, keyed_hash: str, hint: str, previous_until_us: int | None
) -> Key:
    """The secret until now becomes the previous one, if it is to go on; the one before it is unknown from then on."""
    goes_on = previous_until_us is not None
    conn.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id)
        .values(
            hash=keyed_hash,
            hint=hint,
            previous_hash=api_keys.c.hash if goes_on else None,
            previous_until_us=previous_until_us,
        )
    )
    return find_key(conn, key_id)


def change_key(conn: WriteConn, key_id: str, changes: dict[str, Any]) -> Key:
    """Changes the columns that are named.  Raises NotFound."""
    if changes:
        conn.execute(update(api_keys).where(api_keys.c.id == key_id).values(**changes))
    return find_key(conn, key_id)


def find_key(conn: ReadConn | WriteConn, key_id: str, account_id: str | None = None) -> Key:
    """Of one account, or of anybody.  Raises NotFound."""
    query = _KEYS.where(api_keys.c.id == key_id)
    if account_id is not None:
        query = query.where(api_keys.c.account_id == account_id)
    found = rows(Key, conn.execute(query))
    if not found:
        raise NotFound(f"there is no key {key_id!r}; the list of keys says which there are", param="key_id")
    return found[0]


def peek_key(conn: WriteConn, key_id: str) -> Key | None:
    """As it is before a change that may yet refuse; None: there is none."""
    found = rows(Key, conn.execute(_KEYS.where(api_keys.c.id == key_id)))
    return found[0] if found else None


def account_of(conn: ReadConn, key_id: str) -> str | None:
    """None: there is no such key, or it is an operator's."""
    return conn.execute(select(api_keys.c.account_id).where(api_keys.c.id == key_id)).scalar()


def count_living(conn: WriteConn, project_id: str) -> int:
    """A project's keys that are not revoked."""
    living = (api_keys.c.project_id == project_id, api_keys.c.revoked_us.is_(None))
    return conn.execute(select(func.count()).select_from(api_keys).where(*living)).scalar_one()


def lock_key(conn: WriteConn, key_id: str) -> Key:
    """A key that is known to exist; nobody changes it until this transaction ends.  Events may still refer to it."""
    query = _KEYS.where(api_keys.c.id == key_id).with_for_update(key_share=True, of=api_keys)
    return rows(Key, conn.execute(query))[0]


def names_of(conn: ReadConn, key_ids: Iterable[str]) -> dict[str, str]:
    """By id."""
    query = select(api_keys.c.id, api_keys.c.name).where(api_keys.c.id.in_(list(key_ids)))
    return {row.id: row.name for row in conn.execute(query)}
