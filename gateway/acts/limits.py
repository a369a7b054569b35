"""Limits of accounts and keys are set."""

import msgspec

from gateway.keys import manage, store
from gateway.keys.types import Caller
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.limits import set as limits
from gateway.limits.set import Changes
from gateway.limits.store import read_limits
from gateway.limits.types import NO_LIMITS, Limits
from gateway.people.log import record


def set_account_limits(conn: WriteConn, by: str, account_id: str, changes: Changes) -> Limits:
    """As `limits.set.change_account_limits`."""
    before = read_limits(conn, account_id)
    after = limits.change_account_limits(conn, account_id, changes)
    _record(conn, by, "account.limits", account_id, account_id, before, after)
    return after


def set_key_limits(
    conn: WriteConn, by: str, account_id: str, key_id: str, changes: Changes, defaults: Limits
) -> Limits:
    """As `limits.set.change_key_limits`, of a key of this account.  Raises NotFound."""
    name = store.find_key(conn, key_id, account_id).name
    before = read_limits(conn, account_id, key_id)
    after = limits.change_key_limits(conn, account_id, key_id, changes, defaults)
    _record(conn, by, "key.limits", f"{key_id} {name}", account_id, before, after)
    return after


def set_own_limits(
    conn: WriteConn, caller: Caller, key_id: str, changes: Changes, defaults: Limits
) -> Limits:
    """By a key that manages keys.  Raises BadRequest, NotAllowed, NotAuthenticated, NotFound."""
    account_id = manage.account_managed_by(conn, caller)
    return set_key_limits(conn, caller.actor, account_id, key_id, changes, defaults)


def _record(
    conn: WriteConn, by: str, action: str, target: str, account_id: str, before: Limits | None, after: Limits
) -> None:
    was = before or NO_LIMITS
    if was != after:
        record(conn, by, action, now_us(), target=target, account_id=account_id,
               before=msgspec.structs.asdict(was), after=msgspec.structs.asdict(after))  # fmt: skip
