"""`/admin/v1`: what an operator does.  `edge.Authenticate` lets nobody else in."""

from typing import Any, get_args

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from gateway.accounts import store as accounts
from gateway.api.schemas import (
    ListOf,
    NewAccount,
    NewGrant,
    NewKey,
    account_fields,
    credit_fields,
    grant_fields,
    key_fields,
    worker_fields,
)
from gateway.api.wiring import TheFinder, TheGateway, TheKeySecret
from gateway.credit import store as credit
from gateway.credit.open import give, open_account
from gateway.credit.types import GrantKind
from gateway.errors import BadRequest, NotFound
from gateway.keys import store as keys
from gateway.keys.create import create_key
from gateway.kit.clock import now_us
from gateway.kit.money import parse_usd
from gateway.metering import store as metering


@get("/admin/v1/accounts")
async def list_accounts(gateway: TheGateway) -> ListOf:
    found = await gateway.database.read(accounts.list_accounts)
    return ListOf([account_fields(account) for account in found])


@post("/admin/v1/accounts")
async def create_account(gateway: TheGateway, data: JSONBody[NewAccount]) -> dict[str, Any]:
    """With `grant_usd` exactly that credit; without, the sign-up grant of the price book."""
    signed_up = data.grant_usd is None
    amount = (
        gateway.catalog.book.sign_up_nanousd if data.grant_usd is None else _usd(data.grant_usd, "grant_usd")
    )
    account = await gateway.database.write(
        lambda conn: open_account(
            conn,
            data.name,
            grant_nanousd=amount,
            kind="sign_up" if signed_up else "top_up",
            reason="admin API",
            monthly_free_nanousd=gateway.catalog.book.monthly_free_nanousd if signed_up else None,
        )
    )
    return account_fields(account)


@get("/admin/v1/accounts/{name:str}/credits")
async def get_account_credits(gateway: TheGateway, name: FromPath[str]) -> dict[str, Any]:
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, name))
    balance = await gateway.database.read(lambda conn: credit.read_balance(conn, account.id))
    if balance is None:
        raise NotFound(f"account {name!r} has no balance")
    return credit_fields(
        balance, await gateway.database.read(lambda conn: credit.list_grants(conn, account.id))
    )


@post("/admin/v1/accounts/{name:str}/grants")
async def create_grant(gateway: TheGateway, name: FromPath[str], data: JSONBody[NewGrant]) -> dict[str, Any]:
    amount = _usd(data.amount_usd, "amount_usd")
    if data.kind not in get_args(GrantKind):
        raise BadRequest(f"kind must be one of {', '.join(get_args(GrantKind))}", param="kind")
    kind: GrantKind = data.kind  # type: ignore[assignment]
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, name))
    grant = await gateway.database.write(
        lambda conn: give(conn, account.id, amount, kind=kind, reason=data.reason or "admin API")
    )
    return grant_fields(grant)


@get("/admin/v1/keys")
async def list_keys(gateway: TheGateway) -> ListOf:
    return ListOf([key_fields(key) for key in await gateway.database.read(keys.list_keys)])


@post("/admin/v1/keys")
async def create_account_key(
    gateway: TheGateway, key_secret: TheKeySecret, data: JSONBody[NewKey]
) -> dict[str, Any]:
    """The secret is in this answer and nowhere else."""
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, data.account))
    key, secret = await gateway.database.write(
        lambda conn: create_key(
            conn, kind="account", account_id=account.id, name=data.name, key_secret=key_secret
        )
    )
    return {"key": secret, **key_fields(key)}


@delete("/admin/v1/keys/{key_id:str}", status_code=200)
async def revoke_key(gateway: TheGateway, finder: TheFinder, key_id: FromPath[str]) -> dict[str, Any]:
    key = await gateway.database.write(lambda conn: keys.revoke_key(conn, key_id, now_us()))
    finder.forget()
    return key_fields(key)


@get("/admin/v1/workers")
async def list_workers(gateway: TheGateway) -> ListOf:
    busy = gateway.workers.in_flight
    return ListOf([worker_fields(worker, busy[worker.name]) for worker in gateway.workers.workers])


@get("/admin/v1/drift")
async def list_drift(gateway: TheGateway) -> ListOf:
    """By how much each worker's counts and ours ever differed, by model and worker, over the audit sample."""
    found = await gateway.database.read(metering.sum_drift)
    return ListOf([msgspec.structs.asdict(row) for row in found])


def _usd(text: str, param: str) -> int:
    try:
        return parse_usd(text)
    except ValueError as error:
        raise BadRequest(str(error), param=param) from error
