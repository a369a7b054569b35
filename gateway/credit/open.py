"""Open an account with its balance and first grants, in one transaction."""

from gateway.accounts import store as accounts
from gateway.accounts.types import Account
from gateway.credit import store
from gateway.credit.free import renew
from gateway.credit.types import NEVER_US, Grant, GrantKind
from gateway.errors import BadRequest
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.kit.ids import new_id


def open_account(
    conn: WriteConn,
    name: str,
    *,
    grant_nanousd: int,
    kind: GrantKind,
    reason: str,
    monthly_free_nanousd: int | None = None,
) -> Account:
    """A new account with this credit (0: none); exactly this, unless it has a monthly free tier.

    Raises:
        Conflict: the name is taken.
        BadRequest: no usable name, or negative credit.
    """
    if not name.strip() or len(name) > 200:
        raise BadRequest("an account needs a name of 1 to 200 characters", param="name")
    if grant_nanousd < 0:
        raise BadRequest("an account cannot begin with negative credit", param="grant")
    account = Account(id=new_id("acc"), name=name, created_us=now_us())
    accounts.insert_account(conn, account)
    free_until_us = (
        NEVER_US if monthly_free_nanousd is None else 0
    )  # 0: the month has turned, so it is given below
    store.open_balance(conn, account.id, credit_limit_nanousd=0, free_until_us=free_until_us)
    if grant_nanousd:
        give(conn, account.id, grant_nanousd, kind=kind, reason=reason)
    if monthly_free_nanousd is not None:
        balance = store.lock_balance(conn, account.id)
        assert balance is not None, "just opened"
        renew(conn, balance, monthly_free_nanousd, now_us())
    return account


def give(conn: WriteConn, account_id: str, amount_nanousd: int, *, kind: GrantKind, reason: str) -> Grant:
    """Appends a grant.

    Raises:
        BadRequest: nothing, or a negative amount that is no correction.
    """
    if amount_nanousd == 0 or (amount_nanousd < 0 and kind != "correction"):
        raise BadRequest("a grant is more than nothing; only a correction may be negative", param="amount")
    grant = Grant(
        id=new_id("grt"),
        account_id=account_id,
        kind=kind,
        amount_nanousd=amount_nanousd,
        reason=reason,
        created_us=now_us(),
    )
    store.insert_grant(conn, grant)
    return grant
