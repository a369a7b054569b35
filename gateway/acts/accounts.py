"""Accounts are opened, given credit, and allowed to owe."""

from gateway.accounts.types import Account
from gateway.credit import give as credit
from gateway.credit.store import read_balance
from gateway.credit.types import Balance, Grant, GrantKind
from gateway.kit.clock import now_us, rfc3339
from gateway.kit.db import WriteConn
from gateway.people.log import record


def open_account(
    conn: WriteConn,
    by: str,
    name: str,
    *,
    grant_nanousd: int,
    kind: GrantKind,
    reason: str,
    monthly_free_nanousd: int | None = None,
) -> Account:
    """As `credit.give.open_account`."""
    account = credit.open_account(conn, name, grant_nanousd=grant_nanousd, kind=kind, reason=reason,
                                  monthly_free_nanousd=monthly_free_nanousd)  # fmt: skip
    after = {"name": name, "grant_nanousd": grant_nanousd, "monthly_free_nanousd": monthly_free_nanousd}
    record(conn, by, "account.open", now_us(), target=name, account_id=account.id, after=after)
    return account


def give(
    conn: WriteConn,
    by: str,
    account_id: str,
    amount_nanousd: int,
    *,
    kind: GrantKind,
    reason: str,
    expires_us: int | None = None,
    priority: int | None = None,
) -> Grant:
    """As `credit.give.give`."""
    grant = credit.give(conn, account_id, amount_nanousd, kind=kind, reason=reason, expires_us=expires_us,
                        priority=priority)  # fmt: skip
    after = {
        "amount_nanousd": amount_nanousd,
        "kind": kind,
        "reason": reason,
        "expires_at": None if expires_us is None else rfc3339(expires_us),
        "priority": grant.priority,
    }
    record(conn, by, "account.grant", now_us(), target=grant.id, account_id=account_id, after=after)
    return grant


def set_credit_limit(conn: WriteConn, by: str, account_id: str, nanousd: int) -> Balance:
    """As `credit.give.set_credit_limit`."""
    before = read_balance(conn, account_id)
    balance = credit.set_credit_limit(conn, account_id, nanousd)
    assert before is not None, "its limit was set just now"
    if before.credit_limit_nanousd != nanousd:
        record(conn, by, "account.limit", now_us(), target=account_id, account_id=account_id,
               before={"credit_limit_nanousd": before.credit_limit_nanousd},
               after={"credit_limit_nanousd": nanousd})  # fmt: skip
    return balance
