"""A line of the audit log."""

from typing import Any

import msgspec

from gateway.api.schemas.shapes import Instant
from gateway.kit.clock import rfc3339
from gateway.people.types import Entry


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`actor` did `action` (`key.revoke`) to `target`.

    Of `before` and `after` there is what differs.  An actor is an e-mail address, `key:ID NAME`, `cli:USER`, or a program
    in words.
    """

    id: str
    at: Instant
    actor: str
    action: str
    target: str
    account_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def log_entry(entry: Entry) -> LogEntry:
    return LogEntry(
        id=entry.id,
        at=rfc3339(entry.at_us),
        actor=entry.actor,
        action=entry.action,
        target=entry.target,
        account_id=entry.account_id,
        before=_read(entry.before),
        after=_read(entry.after),
    )


def _read(fields: str | None) -> dict[str, Any] | None:
    return None if fields is None else msgspec.json.decode(fields, type=dict[str, Any])
