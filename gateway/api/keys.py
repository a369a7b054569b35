"""`/v1/keys`: a customer's own keys.  Who may do what is in `keys/manage.py`."""

from typing import Any

from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody

from gateway.api.customer import account_of
from gateway.api.schemas.keys import NewOwnKey, OwnKeyChange, caps_of, changes_of, key_fields
from gateway.api.schemas.shapes import ListOf
from gateway.api.wiring import TheCaller, TheFinder, TheGateway, TheKeySecret
from gateway.keys import manage, store
from gateway.kit.clock import now_us


@get("/v1/keys")
async def list_own_keys(gateway: TheGateway, caller: TheCaller) -> ListOf:
    """The account's, the oldest first, revoked ones too."""
    account_id = account_of(caller)
    found = await gateway.database.read(lambda conn: store.list_keys(conn, account_id))
    return ListOf([key_fields(key) for key in found])


@post("/v1/keys")
async def create_own_key(
    gateway: TheGateway, key_secret: TheKeySecret, caller: TheCaller, data: JSONBody[NewOwnKey]
) -> dict[str, Any]:
    """The secret is in this answer and nowhere else."""
    caps = caps_of(data)
    key, secret = await gateway.database.write(
        lambda conn: manage.create_own(conn, caller, name=data.name, caps=caps, key_secret=key_secret)
    )
    return {"key": secret, **key_fields(key)}


@patch("/v1/keys/{key_id:str}")
async def change_own_key(
    gateway: TheGateway,
    finder: TheFinder,
    caller: TheCaller,
    key_id: FromPath[str],
    data: JSONBody[OwnKeyChange],
) -> dict[str, Any]:
    """Its name and its caps; what it spent so far counts."""
    changes = changes_of(data)
    key = await gateway.database.write(lambda conn: manage.change_own(conn, caller, key_id, changes))
    finder.forget()
    return key_fields(key)


@delete("/v1/keys/{key_id:str}", status_code=200)
async def revoke_own_key(
    gateway: TheGateway, finder: TheFinder, caller: TheCaller, key_id: FromPath[str]
) -> dict[str, Any]:
    """For good.  What it is doing it may finish."""
    key = await gateway.database.write(lambda conn: manage.revoke_own(conn, caller, key_id, now_us()))
    finder.forget()
    return key_fields(key)


@post("/v1/keys/{key_id:str}/rotate", status_code=200)
async def rotate_own_key(
    gateway: TheGateway, finder: TheFinder, key_secret: TheKeySecret, caller: TheCaller, key_id: FromPath[str]
) -> dict[str, Any]:
    """A new secret, in this answer and nowhere else; all else stays.  The old one is refused from now on."""
    key, secret = await gateway.database.write(
        lambda conn: manage.rotate_own(conn, caller, key_id, key_secret)
    )
    finder.forget()
    return {"key": secret, **key_fields(key)}
