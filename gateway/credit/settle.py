"""Replace what was held by what was used.  Exactly once, whoever calls how often."""

from gateway.credit import store
from gateway.credit.types import Balance, Hold
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn


def post(conn: WriteConn, hold: Hold, cost_nanousd: int) -> Balance | None:
    """Spends `cost_nanousd` of the hold, gives the rest back, and returns the balance after it.

    None: the hold was resolved before (posted by an earlier try, or expired); nothing changed.
    """
    assert 0 <= cost_nanousd <= hold.amount_nanousd, "a bill beyond its hold would break P1"
    return store.resolve(conn, hold, "posted", cost_nanousd, now_us())


def expire(conn: WriteConn, now: int, limit: int = 500) -> int:
    """Gives back holds whose process died before resolving them; returns how many."""
    resolved = [
        store.resolve(conn, hold, "expired", 0, now) for hold in store.unresolved_holds(conn, now, limit)
    ]
    return sum(balance is not None for balance in resolved)
