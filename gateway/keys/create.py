"""A new key: the record that stays, and the secret that is shown once; and the caps it may be given."""

from typing import Any

from gateway.errors import BadRequest
from gateway.keys import store
from gateway.keys.mint import hint, keyed_hash, mint
from gateway.keys.types import Key, Kind
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.kit.ids import new_id


def create_key(
    conn: WriteConn,
    *,
    kind: Kind,
    account_id: str | None,
    name: str,
    key_secret: bytes,
    caps: dict[str, int | None] | None = None,
    policy: str | None = None,
) -> tuple[Key, str]:
    """`caps` as in `change_key`.  Raises BadRequest."""
    checked = check_caps(caps or {})
    secret = mint(kind)
    key = Key(
        id=new_id("key"),
        kind=kind,
        account_id=account_id,
        name=name,
        hint=hint(secret),
        created_us=now_us(),
        policy=policy,
        **checked,
    )
    store.insert_key(conn, key, keyed_hash(secret, key_secret))
    return key, secret


def change_key(conn: WriteConn, key_id: str, changes: dict[str, Any]) -> Key:
    """Sets what is named: `cap_day_nanousd`, `cap_month_nanousd`, `cap_total_nanousd`, `policy`; None removes it.

    Spending so far counts.  Requests that run keep what they hold.  Raises BadRequest, NotFound.
    """
    check_caps({name: value for name, value in changes.items() if name.startswith("cap_")})
    return store.change_key(conn, key_id, changes)


def check_caps(caps: dict[str, int | None]) -> dict[str, int | None]:
    if any(limit is not None and limit < 0 for limit in caps.values()):
        raise BadRequest("a cap is not negative; 0 stops the key from spending", param="cap")
    return caps
