"""Open an account, give it credit, take credit back, let it owe: each in one transaction."""

from gateway.accounts import store as accounts
from gateway.accounts.types import Account
from gateway.credit import store
from gateway.credit.purse import Purse, new_grant
from gateway.credit.types import NEVER_US, Balance, Grant, GrantKind
from gateway.errors import BadRequest, Conflict, NotFound
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.kit.ids import new_id
from gateway.kit.money import NANOUSD_MAX, format_usd

GIVEN_KINDS: tuple[GrantKind, ...] = ("top_up", "promotion", "correction", "sign_up")
"""What an operator may give; the free tier and expiries follow from the price book and the clock."""


CREDIT_NANOUSD_MAX = NANOUSD_MAX // 2
"""Of one account, granted and limit together: $4.6 billion.  Half of what a BIGINT holds, so that what comes by itself each
month still fits."""


def open_account(
    conn: WriteConn,
    name: str,
    *,
    grant_nanousd: int,
    kind: GrantKind,
    reason: str,
    monthly_free_nanousd: int | None = None,
    credit_limit_nanousd: int = 0,
) -> Account:
    """A new account with this credit (0: none); exactly this, unless it has a monthly free tier.

    Raises:
        Conflict: the name is taken.
        BadRequest: no usable name, or credit that is negative or more than the ledger holds.
    """
    if not name.strip() or len(name) > 200:
        raise BadRequest("an account needs a name of 1 to 200 characters", param="name")
    if grant_nanousd < 0 or credit_limit_nanousd < 0:
        raise BadRequest("an account cannot begin with negative credit", param="grant")
    _refuse_too_much(grant_nanousd + credit_limit_nanousd, "grant")
    now = now_us()
    account = Account(id=new_id("acc"), name=name, created_us=now)
    accounts.insert_account(conn, account)
    renew_us = NEVER_US if monthly_free_nanousd is None else now  # now: given below
    store.open_balance(
        conn, account.id, credit_limit_nanousd=credit_limit_nanousd, renew_us=renew_us, turn_us=renew_us
    )
    purse = _locked(conn, account.id)
    if grant_nanousd:
        purse.add(new_grant(account.id, kind, grant_nanousd, reason, now))
    purse.turn(monthly_free_nanousd or 0, now)
    store.save_purses(conn, [purse])
    return account


def give(
    conn: WriteConn,
    account_id: str,
    amount_nanousd: int,
    *,
    kind: GrantKind,
    reason: str,
    expires_us: int | None = None,
    priority: int | None = None,
    first: str | None = None,
) -> Grant:
    """Appends a grant.  A correction takes of the grant `first` first, then of the others as they burn down.

    Raises:
        BadRequest: nothing, a negative amount that is no correction, more than the ledger holds, an expiry in the past, or
            a kind that is not given.
        Conflict: a correction that takes more than is available; what running requests hold cannot be taken.
        NotFound: no such account.
    """
    if kind not in GIVEN_KINDS:
        raise BadRequest(f"kind must be one of {', '.join(GIVEN_KINDS)}", param="kind")
    if amount_nanousd == 0 or (amount_nanousd < 0 and kind != "correction"):
        raise BadRequest("a grant is more than nothing; only a correction may be negative", param="amount")
    now = now_us()
    if expires_us is not None and (expires_us <= now or amount_nanousd < 0):
        raise BadRequest(
            "a grant expires in the future; a correction downwards does not expire", param="expires"
        )
    purse = _locked(conn, account_id)
    before = purse.balance
    _refuse_too_much(before.granted_nanousd + before.credit_limit_nanousd + amount_nanousd, "amount")
    if amount_nanousd < 0 and purse.available_nanousd < -amount_nanousd:
        raise Conflict(
            f"a correction of ${format_usd(amount_nanousd)} would take more than the"
            f" ${format_usd(purse.available_nanousd)} that are available; running requests may hold the rest"
        )
    grant = new_grant(account_id, kind, amount_nanousd, reason, now, expires_us=expires_us, priority=priority)
    purse.add(grant, first=first)
    store.save_purses(conn, [purse])
    return grant


def available(conn: WriteConn, account_id: str) -> int:
    """Nano-dollars that could be taken back now; they stay until this transaction ends.  Raises NotFound."""
    purse = _locked(conn, account_id)
    return max(0, purse.available_nanousd - purse.balance.credit_limit_nanousd)


def set_credit_limit(conn: WriteConn, account_id: str, nanousd: int) -> Balance:
    """How far the account may go beyond what was granted, to be invoiced later; 0: prepaid.

    Raises:
        BadRequest: a limit that is negative or more than the ledger holds.
        Conflict: the account already uses more than the new limit allows.
        NotFound: no such account.
    """
    if nanousd < 0:
        raise BadRequest("a credit limit is not negative", param="credit_limit")
    purse = _locked(conn, account_id)
    _refuse_too_much(purse.balance.granted_nanousd + nanousd, "credit_limit")
    lacking = purse.balance.credit_limit_nanousd - nanousd - purse.available_nanousd
    if lacking > 0:
        raise Conflict(
            f"the account uses or holds ${format_usd(lacking)} more than that limit allows;"
            " top it up first, or choose a higher limit"
        )
    return store.set_credit_limit(conn, account_id, nanousd)


def _refuse_too_much(nanousd: int, param: str) -> None:
    if nanousd > CREDIT_NANOUSD_MAX:
        raise BadRequest(
            f"an account's credit and credit limit are together at most ${format_usd(CREDIT_NANOUSD_MAX)}",
            param=param,
        )


def _locked(conn: WriteConn, account_id: str) -> Purse:
    purses = store.lock_purses(conn, [account_id])
    if not purses:
        raise NotFound(f"account {account_id} has no balance")
    return purses[account_id]
