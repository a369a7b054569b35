"""Limits per minute and of requests at once: told to customers, set by operators for accounts, and for keys by whoever manages them."""

from litestar import get, patch
from litestar.params import JSONBody

from gateway.accounts import store as accounts
from gateway.acts.limits import set_account_limits, set_key_limits, set_own_limits
from gateway.api.customer import account_of
from gateway.api.schemas.limits import (
    AccountLimitsChange,
    KeyLimitsChange,
    LimitsInfo,
    limit_changes,
    limits_info,
)
from gateway.api.wiring import AccountName, KeyId, TheCaller, TheFinder, TheGateway
from gateway.errors import BadRequest
from gateway.inference.gateway import Gateway
from gateway.keys import store as keys
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn, WriteConn
from gateway.limits.look import View, look


@get("/v1/limits")
async def get_limits(gateway: TheGateway, caller: TheCaller) -> LimitsInfo:
    """Tell what the account may use per minute and at once, and what it uses right now."""
    return await _told(gateway, account_of(caller), "")


@get("/v1/keys/{key_id:str}/limits", refusals=(404,))
async def get_own_key_limits(gateway: TheGateway, caller: TheCaller, key_id: KeyId) -> LimitsInfo:
    """Tell a key's own limits.  Its account's hold as well."""
    account_id = account_of(caller)
    await gateway.database.read(lambda conn: keys.find_key(conn, key_id, account_id))
    return await _told(gateway, account_id, key_id)


@patch("/v1/keys/{key_id:str}/limits", refusals=(404,))
async def change_own_key_limits(
    gateway: TheGateway,
    finder: TheFinder,
    caller: TheCaller,
    key_id: KeyId,
    data: JSONBody[KeyLimitsChange],
) -> LimitsInfo:
    """Set a key's own limits, none above its account's.  The key that asks must manage keys."""
    changes = limit_changes(data)
    await gateway.database.write(
        lambda conn: set_own_limits(conn, caller, key_id, changes, gateway.limits.defaults)
    )
    finder.forget()
    return await _told(gateway, account_of(caller), key_id)


@get("/admin/v1/accounts/{name:str}/limits", refusals=(404,))
async def get_account_limits(gateway: TheGateway, name: AccountName) -> LimitsInfo:
    """Tell an account's limits, and what it uses right now."""
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, name))
    return await _told(gateway, account.id, "")


@patch("/admin/v1/accounts/{name:str}/limits", refusals=(404,))
async def patch_account_limits(
    gateway: TheGateway,
    finder: TheFinder,
    caller: TheCaller,
    name: AccountName,
    data: JSONBody[AccountLimitsChange],
) -> LimitsInfo:
    """Set what an account may use per minute and at once."""
    changes = limit_changes(data)
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, name))
    await gateway.database.write(lambda conn: set_account_limits(conn, caller.actor, account.id, changes))
    finder.forget()
    return await _told(gateway, account.id, "")


@get("/admin/v1/keys/{key_id:str}/limits", refusals=(404,))
async def get_key_limits(gateway: TheGateway, key_id: KeyId) -> LimitsInfo:
    """Tell anybody's key's own limits."""
    account_id = await gateway.database.read(lambda conn: _account_of_key(conn, key_id))
    return await _told(gateway, account_id, key_id)


@patch("/admin/v1/keys/{key_id:str}/limits", refusals=(404,))
async def patch_key_limits(
    gateway: TheGateway, finder: TheFinder, caller: TheCaller, key_id: KeyId, data: JSONBody[KeyLimitsChange]
) -> LimitsInfo:
    """Set anybody's key's own limits, none above its account's."""
    changes = limit_changes(data)

    def change(conn: WriteConn) -> str:
        account_id = _account_of_key(conn, key_id)
        set_key_limits(conn, caller.actor, account_id, key_id, changes, gateway.limits.defaults)
        return account_id

    account_id = await gateway.database.write(change)
    finder.forget()
    return await _told(gateway, account_id, key_id)


async def _told(gateway: Gateway, account_id: str, key_id: str) -> LimitsInfo:
    defaults, now = gateway.limits.defaults, now_us()
    view: View = await gateway.database.read(lambda conn: look(conn, account_id, key_id, defaults, now))
    return limits_info(view)


def _account_of_key(conn: ReadConn | WriteConn, key_id: str) -> str:
    account_id = keys.find_key(conn, key_id).account_id
    if account_id is None:
        raise BadRequest("an operator's key asks no model, so nothing of it is limited", param="key_id")
    return account_id
