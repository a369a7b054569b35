"""`/admin/v1`: what an operator does.  `edge.Authenticate` lets nobody else in."""

from typing import Any

import msgspec
from litestar import delete, get, patch, post, put
from litestar.params import JSONBody

from gateway.accounts import store as accounts
from gateway.acts.accounts import give, open_account, set_credit_limit
from gateway.acts.keys import change_key, create_key, revoke_key, rotate_key
from gateway.api.schemas.accounts import (
    AccountInfo,
    CreditLimit,
    CreditLimitInfo,
    Credits,
    GrantInfo,
    NewAccount,
    NewGrant,
    account_info,
    credits_of,
    grant_info,
)
from gateway.api.schemas.keys import (
    KeyChange,
    KeyInfo,
    KeyWithSecret,
    NewKey,
    caps_of,
    changes_of,
    key_info,
    limits_of,
    with_secret,
)
from gateway.api.schemas.shapes import ListOf, instant, money, usd
from gateway.api.wiring import AccountName, KeyId, Overlap, TheCaller, TheFinder, TheGateway, TheKeySecret
from gateway.credit import store as credit
from gateway.credit.give import GIVEN_KINDS
from gateway.credit.types import GrantKind
from gateway.errors import BadRequest, NotFound
from gateway.keys import store as keys
from gateway.workers.order_by import parse_policy


@get("/admin/v1/accounts")
async def list_accounts(gateway: TheGateway) -> ListOf[AccountInfo]:
    """List the accounts by name."""
    found = await gateway.database.read(accounts.list_accounts)
    return ListOf([account_info(account) for account in found])


@post("/admin/v1/accounts", refusals=(409,))
async def create_account(gateway: TheGateway, caller: TheCaller, data: JSONBody[NewAccount]) -> AccountInfo:
    """Open an account.  With `grant_usd` it has exactly that credit; without, what the price book gives at sign-up and monthly."""
    signed_up = data.grant_usd is None
    amount = (
        gateway.catalog.book.sign_up_nanousd if data.grant_usd is None else usd(data.grant_usd, "grant_usd")
    )
    account = await gateway.database.write(
        lambda conn: open_account(
            conn,
            caller.actor,
            data.name,
            grant_nanousd=amount,
            kind="sign_up" if signed_up else "top_up",
            reason="admin API",
            monthly_free_nanousd=gateway.catalog.book.monthly_free_nanousd if signed_up else None,
        )
    )
    return account_info(account)


@get("/admin/v1/accounts/{name:str}/credits", refusals=(404,))
async def get_account_credits(gateway: TheGateway, name: AccountName) -> Credits:
    """Tell an account's balance, and the grants it is made of."""
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, name))
    balance = await gateway.database.read(lambda conn: credit.read_balance(conn, account.id))
    if balance is None:
        raise NotFound(f"account {name!r} has no balance")
    grants = await gateway.database.read(lambda conn: credit.list_grants(conn, account.id))
    left = await gateway.database.read(lambda conn: credit.list_open_grants(conn, account.id))
    return credits_of(balance, grants, left)


@put("/admin/v1/accounts/{name:str}/credit_limit", refusals=(404, 409))
async def put_credit_limit(
    gateway: TheGateway, caller: TheCaller, name: AccountName, data: JSONBody[CreditLimit]
) -> CreditLimitInfo:
    """Set how far an account may go beyond its credit, to be invoiced.  More than 0 makes it postpaid."""
    limit = usd(data.credit_limit_usd, "credit_limit_usd")
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, name))
    balance = await gateway.database.write(
        lambda conn: set_credit_limit(conn, caller.actor, account.id, limit)
    )
    return CreditLimitInfo(account=name, **money("credit_limit", balance.credit_limit_nanousd))


@post("/admin/v1/accounts/{name:str}/grants", refusals=(404, 409))
async def create_grant(
    gateway: TheGateway, caller: TheCaller, name: AccountName, data: JSONBody[NewGrant]
) -> GrantInfo:
    """Give an account credit; a negative `correction` takes some back."""
    amount = usd(data.amount_usd, "amount_usd")
    if data.kind not in GIVEN_KINDS:
        raise BadRequest(f"kind must be one of {', '.join(GIVEN_KINDS)}", param="kind")
    kind: GrantKind = data.kind
    expires_us = instant("expires_at", data.expires_at)
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, name))
    grant = await gateway.database.write(
        lambda conn: give(
            conn,
            caller.actor,
            account.id,
            amount,
            kind=kind,
            reason=data.reason or "admin API",
            expires_us=expires_us,
            priority=data.priority,
        )
    )
    return grant_info(grant)


@get("/admin/v1/keys")
async def list_keys(gateway: TheGateway) -> ListOf[KeyInfo]:
    """List all keys, the oldest first, revoked ones too."""
    return ListOf([key_info(key) for key in await gateway.database.read(keys.list_keys)])


@post("/admin/v1/keys", refusals=(404, 409))
async def create_account_key(
    gateway: TheGateway, caller: TheCaller, key_secret: TheKeySecret, data: JSONBody[NewKey]
) -> KeyWithSecret:
    """Make a key for an account.  Its secret is in this answer and nowhere else."""
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, data.account))
    caps, policy = {**caps_of(data), "project": data.project}, parse_policy(data.policy)
    may = limits_of(data, gateway.catalog)
    manages_keys = may.pop("manages_keys", False) or data.manages_keys
    key, secret = await gateway.database.write(
        lambda conn: create_key(
            conn,
            caller.actor,
            kind="account",
            account_id=account.id,
            name=data.name,
            key_secret=key_secret,
            caps={**caps, **may},
            policy=policy,
            manages_keys=manages_keys,
        )
    )
    return with_secret(key, secret)


@patch("/admin/v1/keys/{key_id:str}", refusals=(404, 409))
async def patch_key(
    gateway: TheGateway, caller: TheCaller, finder: TheFinder, key_id: KeyId, data: JSONBody[KeyChange]
) -> KeyInfo:
    """Change a key's name, caps, project, policy, and what it may.  What it spent so far counts, and stays with the project it was in."""
    changes: dict[str, Any] = changes_of(data, gateway.catalog)
    if data.policy is not msgspec.UNSET:
        changes["policy"] = parse_policy(data.policy)
    if data.manages_keys is not msgspec.UNSET:
        changes["manages_keys"] = data.manages_keys
    key = await gateway.database.write(lambda conn: change_key(conn, caller.actor, key_id, changes))
    finder.forget()
    return key_info(key)


@delete("/admin/v1/keys/{key_id:str}", status_code=200, refusals=(404,))
async def revoke_any_key(gateway: TheGateway, caller: TheCaller, finder: TheFinder, key_id: KeyId) -> KeyInfo:
    """Revoke a key, for good.  What it is doing it may finish."""
    key = await gateway.database.write(lambda conn: revoke_key(conn, caller.actor, key_id))
    finder.forget()
    return key_info(key)


@post("/admin/v1/keys/{key_id:str}/rotate", status_code=200, refusals=(404, 409))
async def rotate_any_key(
    gateway: TheGateway,
    caller: TheCaller,
    finder: TheFinder,
    key_secret: TheKeySecret,
    key_id: KeyId,
    overlap_s: Overlap = 0,
) -> KeyWithSecret:
    """Give a key a new secret, which is in this answer and nowhere else.  All else stays; the old secret is refused after `overlap_s`."""
    key, secret = await gateway.database.write(
        lambda conn: rotate_key(conn, caller.actor, key_id, key_secret, overlap_s)
    )
    finder.forget()
    return with_secret(key, secret)
