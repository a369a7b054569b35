"""Workers are added, changed and removed.  A heartbeat that says nothing new is no change."""

from typing import Any

import msgspec

from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.people.log import record
from gateway.workers import store
from gateway.workers.types import Change


def save_worker(conn: WriteConn, by: str, change: Change) -> None:
    """Adds one, or changes what is known of it."""
    now = now_us()
    before = store.find_change(conn, change.name, now)
    store.save_change(conn, change)
    was, is_now = _shown(before), _shown(change)
    if was != is_now:
        action = "worker.add" if was is None and change.url is not None else "worker.change"
        record(conn, by, action, now, target=change.name, before=was, after=is_now)


def remove_worker(conn: WriteConn, by: str, name: str) -> None:
    """Somebody else may have been faster: then nothing is left to do."""
    now = now_us()
    before = store.find_change(conn, name, now)
    if store.remove_change(conn, name):
        record(conn, by, "worker.remove", now, target=name, before=_shown(before))


def _shown(change: Change | None) -> dict[str, Any] | None:
    if change is None:
        return None
    fields = msgspec.structs.asdict(change)
    return {name: value for name, value in fields.items() if name not in {"name", "created_us", "expires_us"}}
