"""What a customer's key may do to the keys of its account: list them, rotate itself; with `manages_keys`, the rest.

It cannot come by another key that manages keys: neither make one nor learn the secret of one.  So whoever stole it can
do nothing more once it is revoked.  Whether it may is read in the transaction that acts, not from the cache of
identities: a manager that was revoked makes nothing in its last second.

Nor can it give what it has not: a key that it makes or changes, or learns the secret of, may do no more than itself; what
is not said of a new one, it inherits (narrow.py).

An id of another account's key is answered like one that never was.
"""

from collections.abc import Mapping
from typing import Any

from gateway.errors import NotAllowed, NotAuthenticated
from gateway.keys import store
from gateway.keys.create import change_key, create_key, rotate_key
from gateway.keys.narrow import LIMITS, refuse_wider
from gateway.keys.types import Caller, Key
from gateway.kit.db import WriteConn

_BY_OPERATORS = "a key that manages keys is made by an operator; leave `keys` out of its scopes"
_HOW = (
    "an operator makes one that may (`tollway-gateway keys create --account NAME --manages-keys`), or lets this one"
    ' (PATCH /admin/v1/keys/{id} {"manages_keys": true})'
)


def create_own(
    conn: WriteConn,
    caller: Caller,
    *,
    name: str,
    caps: dict[str, Any],
    key_secret: bytes,
    may: Mapping[str, Any] | None = None,
) -> tuple[Key, str]:
    """`may`: what is said of LIMITS, and `manages_keys`.  Raises BadRequest, NotAllowed, NotAuthenticated."""
    manager = _manager(conn, caller)
    wanted = {field: getattr(manager, field) for field in LIMITS} | dict(may or {})
    if wanted.pop("manages_keys", False):
        raise NotAllowed(_BY_OPERATORS, param="scopes")
    refuse_wider(manager, wanted)
    return create_key(
        conn,
        kind="account",
        account_id=manager.account_id,
        name=name,
        key_secret=key_secret,
        caps={**caps, **wanted},
    )


def change_own(conn: WriteConn, caller: Caller, key_id: str, changes: dict[str, Any]) -> Key:
    """Raises BadRequest, NotAllowed, NotAuthenticated, NotFound."""
    manager = _manager(conn, caller)
    key = store.find_key(conn, key_id, manager.account_id)
    if changes.get("manages_keys") and not key.manages_keys:
        raise NotAllowed(_BY_OPERATORS, param="scopes")
    refuse_wider(manager, changes)
    return change_key(conn, key_id, changes)


def account_managed_by(conn: WriteConn, caller: Caller) -> str:
    """The account whose keys it manages.  Raises NotAllowed, NotAuthenticated."""
    account_id = _manager(conn, caller).account_id
    assert account_id is not None, "a manager is no operator"
    return account_id


def revoke_own(conn: WriteConn, caller: Caller, key_id: str, now_us: int) -> Key:
    """Raises NotAllowed, NotAuthenticated, NotFound."""
    store.find_key(conn, key_id, _manager(conn, caller).account_id)
    return store.revoke_key(conn, key_id, now_us)


def rotate_own(
    conn: WriteConn, caller: Caller, key_id: str, key_secret: bytes, overlap_s: int = 0
) -> tuple[Key, str]:
    """Raises BadRequest, Conflict, NotAllowed, NotAuthenticated, NotFound."""
    if key_id == caller.key_id:
        _living(conn, caller)
    else:
        manager = _manager(conn, caller)
        key = store.find_key(conn, key_id, manager.account_id)
        if key.manages_keys:
            raise NotAllowed("a key that manages keys is rotated by itself or by an operator", param="key_id")
        refuse_wider(manager, {field: getattr(key, field) for field in LIMITS})
    return rotate_key(conn, key_id, key_secret, overlap_s)


def managed_account(conn: WriteConn, caller: Caller) -> str:
    """Whose keys and projects the caller may manage.  Raises NotAllowed, NotAuthenticated."""
    account_id = _manager(conn, caller).account_id
    assert account_id is not None, "an operator's key is refused before"
    return account_id


def _manager(conn: WriteConn, caller: Caller) -> Key:
    key = _living(conn, caller)
    if not key.manages_keys:
        raise NotAllowed(f"this key may list its account's keys and rotate itself, no more; {_HOW}")
    return key


def _living(conn: WriteConn, caller: Caller) -> Key:
    key = store.lock_key(conn, caller.key_id)
    if key.kind == "operator":
        raise NotAllowed("an operator's key belongs to no account; operators manage keys at /admin/v1/keys")
    if key.revoked_us is not None:
        raise NotAuthenticated("this API key was revoked; ask for a new one")
    return key
