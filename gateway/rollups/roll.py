"""One step: some accounts' next events are added to their sums."""

from collections.abc import Sequence

from gateway.catalog.store import by_version
from gateway.kit.db import ReadConn, WriteConn
from gateway.metering.receipt import Rater
from gateway.rollups import store
from gateway.rollups.tally import tally
from gateway.rollups.types import Behind, Portion

EVENTS_MAX = 1_000
"""In one step, of all its accounts: bills wait for its transaction behind the same writer, for some 20 ms."""


def prepare(conn: ReadConn, behind: Sequence[Behind]) -> list[Portion]:
    """The next events of as many accounts as a step may take, rated again.

    Away from the writer: this is most of the work, and events that were committed stay as they are.  An account takes
    at most half of what is left, so that one that is far behind does not keep the others waiting.
    """
    rater = Rater(lambda version: by_version(conn, version))
    portions, left = [], EVENTS_MAX
    for place, account in enumerate(behind, 1):
        share = left if place == len(behind) else left - left // 2
        until = min(account.head, account.done + share)
        tallied = tally(conn, rater, account.account_id, account.done, until)
        portions.append(Portion(account.account_id, account.done, until, tallied))
        left -= until - account.done
        if not left:
            break
    return portions


def roll(conn: WriteConn, portions: Sequence[Portion]) -> int:
    """How many events were added.  Idempotent: what another process added meanwhile is left to it."""
    added = 0
    for portion in portions:
        if store.claim(conn, portion.account_id, portion.done, portion.until):
            store.add_events(conn, portion)
            added += portion.until - portion.done
    return added
