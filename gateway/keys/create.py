"""A new key, or a new secret of one: the record that stays, and the secret that is shown once; and what may be changed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.errors import BadRequest, Conflict
from gateway.keys import store
from gateway.keys.group import open_project
from gateway.keys.mint import hint, keyed_hash, mint
from gateway.keys.narrow import check_limits
from gateway.keys.types import Key, Kind
from gateway.kit.clock import DAY_US, SECOND_US, now_us
from gateway.kit.db import WriteConn
from gateway.kit.ids import new_id

NAME_CHARS_MAX = 200
OVERLAP_S_MAX = 7 * DAY_US // SECOND_US
"""How long a rotated key's old secret may go on working: time to bring the new one everywhere, not two secrets for ever."""


def create_key(
    conn: WriteConn,
    *,
    kind: Kind,
    account_id: str | None,
    name: str,
    key_secret: bytes,
    caps: Mapping[str, Any] | None = None,
    policy: str | None = None,
    manages_keys: bool = False,
) -> tuple[Key, str]:
    """`caps` as in `change_key`, with what it may (scopes, models, ips, expires_us), and its `project`, if it has one.

    Raises:
        BadRequest: a name, cap or limit that is none.
        Conflict, NotFound: the project is archived, or there is none.
    """
    limits = _columns(conn, account_id, caps or {})
    check({"name": name, **limits})
    secret = mint(kind)
    key = Key(
        id=new_id("key"),
        kind=kind,
        account_id=account_id,
        name=name,
        hint=hint(secret),
        created_us=now_us(),
        policy=policy,
        manages_keys=manages_keys,
        **limits,
    )
    _check_whole(key)
    store.insert_key(conn, key, keyed_hash(secret, key_secret))
    return key, secret


def change_key(conn: WriteConn, key_id: str, changes: dict[str, Any]) -> Key:
    """Sets what is named: `name`, `cap_{day,month,total}_nanousd`, `policy`, `manages_keys`, `project`, `scopes`, `models`,
    `ips`, `expires_us`; None removes a cap, the policy, a limit, or the key from its project.

    Spending so far counts, and stays with the project in which it was spent.  Requests that run keep what they hold.

    Raises:
        BadRequest: a name, cap or limit that is none, or nothing for an operator's key.
        Conflict, NotFound: the project is archived, or there is none; nor such a key.
    """
    check(changes)
    key = store.find_key(conn, key_id)
    columns = _columns(conn, key.account_id, changes)
    _check_whole(msgspec.structs.replace(key, **columns))  # before: a refusal undoes nothing
    return store.change_key(conn, key_id, columns)


def rotate_key(conn: WriteConn, key_id: str, key_secret: bytes, overlap_s: int = 0) -> tuple[Key, str]:
    """A new secret; the id, the name, the caps and what was spent stay.

    The old secret works for `overlap_s` longer, and one before it no more; with 0 it is unknown from then on.

    Raises:
        BadRequest: an overlap that is none, or longer than OVERLAP_S_MAX.
        Conflict: the key was revoked.
        NotFound: there is none.
    """
    if not 0 <= overlap_s <= OVERLAP_S_MAX:
        raise BadRequest(
            f"the old secret may go on for 0 to {OVERLAP_S_MAX} seconds, not {overlap_s}", param="overlap_s"
        )
    key = store.find_key(conn, key_id)
    if key.revoked_us is not None:
        raise Conflict(f"the key {key_id!r} was revoked, and stays so; make a new one")
    secret = mint(key.kind)
    until_us = now_us() + overlap_s * SECOND_US if overlap_s else None
    renewed = keyed_hash(secret, key_secret)
    turned = store.replace_secret(
        conn, key_id, keyed_hash=renewed, hint=hint(secret), previous_until_us=until_us
    )
    return turned, secret


def check(fields: dict[str, Any]) -> None:
    """Raises BadRequest: a name, a cap or a limit that is none."""
    check_limits(fields, now_us())
    name = fields.get("name")
    if name is not None and (not name.strip() or len(name) > NAME_CHARS_MAX):
        raise BadRequest(f"a key needs a name of 1 to {NAME_CHARS_MAX} characters", param="name")
    for field, value in fields.items():
        if field.startswith("cap_") and value is not None and value < 0:
            param = field.replace("_nanousd", "_usd")
            raise BadRequest("a cap is not negative; 0 stops the key from spending", param=param)


def _columns(conn: WriteConn, account_id: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """With `project_id` for `project`, which is one of the account by name or id, or None."""
    columns = dict(fields)
    if "project" in columns:
        project = columns.pop("project")
        columns["project_id"] = None if project is None else open_project(conn, account_id, project).id
    return columns


def _check_whole(key: Key) -> None:
    """Raises BadRequest: fields that do not go together."""
    if key.kind == "operator":
        if key.manages_keys:
            raise BadRequest("an operator's key manages every key already", param="manages_keys")
        if key.scopes is not None or key.models is not None:
            param = "models" if key.scopes is None else "scopes"
            raise BadRequest("an operator's key asks no model; give it `ips` and an end instead", param=param)
    if not key.all_scopes:
        raise BadRequest("a key that may nothing is of no use; revoke it instead", param="scopes")
