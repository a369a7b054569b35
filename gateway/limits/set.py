"""What limits may be set: an account's by operators, a key's by whoever manages it, and never above its account's."""

import msgspec

from gateway.accounts.store import find_account
from gateway.errors import BadRequest
from gateway.kit.db import WriteConn
from gateway.limits import store
from gateway.limits.types import FIELDS, LIMIT_MAX, NO_LIMITS, UNLIMITED, Limits, in_force

Changes = dict[str, int | None]
"""What is named is changed; None removes a limit.  Of an account 0 (`UNLIMITED`) lifts the installation's default too."""


def change_account_limits(conn: WriteConn, account_id: str, changes: Changes) -> Limits:
    """Raises BadRequest, NotFound."""
    account = find_account(conn, account_id)
    for name, value in changes.items():
        if value != UNLIMITED:
            _check(name, value)
    limits = _changed(store.read_limits(conn, account.id), changes)
    store.save_limits(conn, account.id, "", limits)
    return limits


def change_key_limits(
    conn: WriteConn, account_id: str, key_id: str, changes: Changes, defaults: Limits
) -> Limits:
    """The key is known to be the account's.

    Raises:
        BadRequest: a limit that is none, or above the account's.
    """
    if not changes:
        return store.read_limits(conn, account_id, key_id) or NO_LIMITS
    of_account = in_force(store.read_limits(conn, account_id), defaults)
    for name, value in changes.items():
        _check(name, value)
        most: int | None = getattr(of_account, name)
        if value is not None and most is not None and value > most:
            raise BadRequest(
                f"{value} is above the account's own {name}, which is {most}; a key has at most that",
                param=name,
            )
    limits = _changed(store.read_limits(conn, account_id, key_id), changes)
    store.save_limits(conn, account_id, key_id, limits)
    return limits


def _changed(before: Limits | None, changes: Changes) -> Limits:
    return msgspec.structs.replace(before or NO_LIMITS, **changes)


def _check(name: str, value: int | None) -> None:
    assert name in FIELDS, name
    if value is not None and not 1 <= value <= LIMIT_MAX:
        raise BadRequest(
            f"{name} is a whole number of at least 1; null removes the limit, and revoking a key stops it",
            param=name,
        )
