"""Suspend an account: its keys may read, and ask for nothing that costs, until every reason is gone.  In a transaction of the cause."""

from gateway.accounts import store
from gateway.accounts.types import Suspension
from gateway.kit.db import WriteConn


def suspend(conn: WriteConn, account_id: str, because_of: str, reason: str, now_us: int) -> None:
    """`because_of` is what it follows from, a dispute or an invoice: for the same again nothing changes."""
    store.insert_suspension(
        conn, Suspension(account_id=account_id, because_of=because_of, reason=reason, since_us=now_us)
    )


def lift(conn: WriteConn, account_id: str, because_of: str, now_us: int) -> None:
    """The reason `because_of` is gone; others may remain.  What was not suspended is left as it is."""
    store.end_suspension(conn, account_id, because_of, now_us)
