"""One step: some accounts' next events are added to their sums."""

from collections.abc import Sequence

from gateway.kit.db import WriteConn
from gateway.rollups import store
from gateway.rollups.types import Behind

EVENTS_MAX = 2_000
"""In one transaction, of one account: bills wait for it behind the same writer, for some 10 ms."""


def roll(conn: WriteConn, behind: Sequence[Behind]) -> int:
    """How many events were added.  Idempotent: what another process added meanwhile is left to it."""
    added = 0
    for account in behind:
        until = min(account.head, account.done + EVENTS_MAX)
        if store.claim(conn, account.account_id, account.done, until):
            store.add_events(conn, account.account_id, account.done, until)
            added += until - account.done
    return added
