"""`/v1/keys`: a customer's own keys.  Who may do what is in `keys/manage.py`."""

from litestar import delete, get, patch, post
from litestar.params import JSONBody

from gateway.acts import keys as acts
from gateway.api.customer import account_of
from gateway.api.schemas.keys import (
    KeyInfo,
    KeyWithSecret,
    NewOwnKey,
    OwnKeyChange,
    caps_of,
    changes_of,
    key_info,
    limits_of,
    with_secret,
)
from gateway.api.schemas.shapes import ListOf
from gateway.api.wiring import KeyId, Overlap, TheCaller, TheFinder, TheGateway, TheKeySecret
from gateway.keys import store


@get("/v1/keys")
async def list_own_keys(gateway: TheGateway, caller: TheCaller) -> ListOf[KeyInfo]:
    """List the account's keys, the oldest first, revoked ones too."""
    account_id = account_of(caller)
    found = await gateway.database.read(lambda conn: store.list_keys(conn, account_id))
    return ListOf([key_info(key) for key in found])


@post("/v1/keys", refusals=(404, 409))
async def create_own_key(
    gateway: TheGateway, key_secret: TheKeySecret, caller: TheCaller, data: JSONBody[NewOwnKey]
) -> KeyWithSecret:
    """Make a key of the same account.  Its secret is in this answer and nowhere else; the key that asks must manage keys.

    It may no more than the key that asks: no other scopes, models or addresses, and no later end.  What is left out is as
    that key's.
    """
    caps, may = {**caps_of(data), "project": data.project}, limits_of(data, gateway.catalog)
    key, secret = await gateway.database.write(
        lambda conn: acts.create_own(
            conn, caller.actor, caller, name=data.name, caps=caps, key_secret=key_secret, may=may
        )
    )
    return with_secret(key, secret)


@patch("/v1/keys/{key_id:str}", refusals=(404, 409))
async def change_own_key(
    gateway: TheGateway,
    finder: TheFinder,
    caller: TheCaller,
    key_id: KeyId,
    data: JSONBody[OwnKeyChange],
) -> KeyInfo:
    """Change a key's name, caps, project, and what it may, to no more than the key that asks, which must manage keys.  What it spent so far counts, and stays with the project it was in."""
    changes = changes_of(data, gateway.catalog)
    key = await gateway.database.write(lambda conn: acts.change_own(conn, caller, key_id, changes))
    finder.forget()
    return key_info(key)


@delete("/v1/keys/{key_id:str}", status_code=200, refusals=(404,))
async def revoke_own_key(gateway: TheGateway, finder: TheFinder, caller: TheCaller, key_id: KeyId) -> KeyInfo:
    """Revoke a key, for good.  What it is doing it may finish; the key that asks must manage keys."""
    key = await gateway.database.write(lambda conn: acts.revoke_own(conn, caller, key_id))
    finder.forget()
    return key_info(key)


@post("/v1/keys/{key_id:str}/rotate", status_code=200, refusals=(404, 409))
async def rotate_own_key(
    gateway: TheGateway,
    finder: TheFinder,
    key_secret: TheKeySecret,
    caller: TheCaller,
    key_id: KeyId,
    overlap_s: Overlap = 0,
) -> KeyWithSecret:
    """Give a key a new secret, which is in this answer and nowhere else.  All else stays; the old secret is refused after `overlap_s`.

    A secret before the old one is refused at once.  Every key may rotate itself; others, a key that manages keys.
    """
    key, secret = await gateway.database.write(
        lambda conn: acts.rotate_own(conn, caller, key_id, key_secret, overlap_s)
    )
    finder.forget()
    return with_secret(key, secret)
