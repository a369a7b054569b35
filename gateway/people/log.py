"""The audit log: every change by people, with who, what, before and after, in the transaction of the change."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.kit.db import WriteConn
from gateway.kit.ids import new_id
from gateway.people import store
from gateway.people.types import Entry

_encoder = msgspec.json.Encoder(order="sorted")
_SECRET = ("hash", "secret", "password")


def record(
    conn: WriteConn,
    actor: str,
    action: str,
    now_us: int,
    *,
    target: str,
    account_id: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """`action` is `subject.verb`.  Of `before` and `after` only what differs is kept, and never a secret."""
    changed_before, changed_after = _differing(before, after)
    store.insert_entry(
        conn,
        Entry(id=new_id("log"), at_us=now_us, actor=actor, action=action, account_id=account_id,
              target=target, before=changed_before, after=changed_after),
    )  # fmt: skip


def _differing(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[str | None, str | None]:
    if before is not None and after is not None:
        names = [name for name in {*before, *after} if before.get(name) != after.get(name)]
        before, after = ({name: each.get(name) for name in names} for each in (before, after))
    return _written(before), _written(after)


def _written(fields: Mapping[str, Any] | None) -> str | None:
    if fields is None:
        return None
    kept = {name: value for name, value in fields.items() if not any(word in name for word in _SECRET)}
    return _encoder.encode(kept).decode()
