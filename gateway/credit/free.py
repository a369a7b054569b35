"""The monthly free tier: granted lazily, once per account and calendar month (UTC), and gone at the month's end.

It burns down first, because it expires first.  What is unused at the end is taken back by a row of its own.  Credit
that running requests still hold is never taken from under them: a request that began in one month may spend that
month's free credit in the next.
"""

from gateway.credit import store
from gateway.credit.types import Balance, Grant
from gateway.kit.clock import month_begin_us, next_month_us, now_us, rfc3339
from gateway.kit.db import WriteConn


def renew(conn: WriteConn, balance: Balance, monthly_nanousd: int, at_us: int) -> Balance:
    """The balance after the month's turn, if it has turned; the balance's row must be locked.

    Again, or by another process: changes nothing, because the ids of its rows name account and month.
    """
    if balance.free_until_us > at_us:
        return balance
    month = rfc3339(month_begin_us(at_us))[:7]
    unused = min(balance.free_left_nanousd, max(balance.available_nanousd, 0))
    if unused:
        expiry = _grant(balance.account_id, "expiry", -unused, f"unused free tier, before {month}", month)
        store.insert_grant(conn, expiry)
    if monthly_nanousd:
        until = next_month_us(at_us)
        free = _grant(
            balance.account_id, "monthly_free", monthly_nanousd, f"free tier of {month}", month, until
        )
        store.insert_grant(conn, free)
    left = balance.free_left_nanousd - unused + monthly_nanousd
    return store.set_free(conn, balance.account_id, left_nanousd=left, until_us=next_month_us(at_us))


def _grant(
    account_id: str, kind: str, amount: int, reason: str, month: str, expires_us: int | None = None
) -> Grant:
    return Grant(
        id=f"grt_{kind}_{month}_{account_id}",
        account_id=account_id,
        kind=kind,  # type: ignore[arg-type]  # one of two literals, see above
        amount_nanousd=amount,
        reason=reason,
        created_us=now_us(),
        expires_us=expires_us,
    )
