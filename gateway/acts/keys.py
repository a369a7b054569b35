"""Keys are made, changed, revoked and given new secrets.  A secret, and its hash, are never in the log."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import msgspec

from gateway.keys import create, manage, store
from gateway.keys.types import Caller, Key
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.people.log import record

P = ParamSpec("P")


def _made(
    verb: Callable[Concatenate[WriteConn, P], tuple[Key, str]],
) -> Callable[Concatenate[WriteConn, str, P], tuple[Key, str]]:
    """The verb, and by whom: whatever a new key may be told, this passes on."""

    def make(conn: WriteConn, by: str, /, *args: P.args, **fields: P.kwargs) -> tuple[Key, str]:
        key, secret = verb(conn, *args, **fields)
        _record(conn, by, "key.create", None, key)
        return key, secret

    return make


create_key = _made(create.create_key)
create_own = _made(manage.create_own)


def change_key(conn: WriteConn, by: str, key_id: str, changes: dict[str, Any]) -> Key:
    """As `keys.create.change_key`."""
    before = store.peek_key(conn, key_id)
    return _changed(conn, by, before, create.change_key(conn, key_id, changes))


def revoke_key(conn: WriteConn, by: str, key_id: str) -> Key:
    """For good.  Raises NotFound."""
    before, now = store.peek_key(conn, key_id), now_us()
    return _changed(conn, by, before, store.revoke_key(conn, key_id, now), "key.revoke")


def rotate_key(
    conn: WriteConn, by: str, key_id: str, key_secret: bytes, overlap_s: int = 0
) -> tuple[Key, str]:
    """As `keys.create.rotate_key`."""
    before = store.peek_key(conn, key_id)
    after, secret = create.rotate_key(conn, key_id, key_secret, overlap_s)
    return _changed(conn, by, before, after, "key.rotate"), secret


def change_own(conn: WriteConn, caller: Caller, key_id: str, changes: dict[str, Any]) -> Key:
    """As `keys.manage.change_own`."""
    before = store.peek_key(conn, key_id)
    return _changed(conn, caller.actor, before, manage.change_own(conn, caller, key_id, changes))


def revoke_own(conn: WriteConn, caller: Caller, key_id: str) -> Key:
    """As `keys.manage.revoke_own`."""
    before, now = store.peek_key(conn, key_id), now_us()
    return _changed(conn, caller.actor, before, manage.revoke_own(conn, caller, key_id, now), "key.revoke")


def rotate_own(
    conn: WriteConn, caller: Caller, key_id: str, key_secret: bytes, overlap_s: int = 0
) -> tuple[Key, str]:
    """As `keys.manage.rotate_own`."""
    before = store.peek_key(conn, key_id)
    after, secret = manage.rotate_own(conn, caller, key_id, key_secret, overlap_s)
    return _changed(conn, caller.actor, before, after, "key.rotate"), secret


def _changed(conn: WriteConn, by: str, before: Key | None, after: Key, action: str = "key.change") -> Key:
    if before != after:
        _record(conn, by, action, before, after)
    return after


def _record(conn: WriteConn, by: str, action: str, before: Key | None, after: Key) -> None:
    was = None if before is None else msgspec.structs.asdict(before)
    record(conn, by, action, now_us(), target=f"{after.id} {after.name}", account_id=after.account_id,
           before=was, after=msgspec.structs.asdict(after))  # fmt: skip
