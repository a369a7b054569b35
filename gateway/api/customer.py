"""What an account sees of itself: models, credits, receipts, usage."""

from typing import Any, Literal

from litestar import get
from litestar.params import FromPath, FromQuery

from gateway.api.schemas import ListOf, credit_fields, instant, model_card, receipt_fields, usage_fields
from gateway.api.wiring import TheCaller, TheGateway
from gateway.credit import store as credit
from gateway.errors import NotAllowed, NotFound, UnknownModel
from gateway.inference.request import MISTRAL_PREFIX
from gateway.keys import store as keys
from gateway.keys.types import Caller
from gateway.kit.clock import DAY_US, rfc3339
from gateway.metering import store as metering
from gateway.metering.receipt import read_receipt
from gateway.metering.types import UsageRow


@get(["/v1/models", f"{MISTRAL_PREFIX}/v1/models"])
async def list_models(gateway: TheGateway) -> ListOf:
    """Models that have a price and, at this moment, somebody who serves them."""
    served = gateway.workers.served_models()
    return ListOf([model_card(model) for model in gateway.catalog.book.models if model.id in served])


@get(["/v1/models/{name:path}", MISTRAL_PREFIX + "/v1/models/{name:path}"])
async def get_model(gateway: TheGateway, name: FromPath[str]) -> dict[str, Any]:
    """By id or alias."""
    model = gateway.catalog.require(name.lstrip("/"))
    if model.id not in gateway.workers.served_models():
        raise UnknownModel(f"no worker serves {model.id!r} here", param="model")
    return model_card(model)


@get("/v1/credits")
async def get_credits(gateway: TheGateway, caller: TheCaller) -> dict[str, Any]:
    """The balance, and the grants it is made of."""
    account_id = account_of(caller)
    balance = await gateway.database.read(lambda conn: credit.read_balance(conn, account_id))
    if balance is None:
        raise NotFound("this account has no balance")
    grants = await gateway.database.read(lambda conn: credit.list_grants(conn, account_id))
    left = await gateway.database.read(lambda conn: credit.list_open_grants(conn, account_id))
    return credit_fields(balance, grants, left)


@get("/v1/receipts/{request_id:str}")
async def get_receipt(gateway: TheGateway, caller: TheCaller, request_id: FromPath[str]) -> dict[str, Any]:
    """One request's bill, line by line; `x-request-id` of its answer names it."""
    account_id = account_of(caller)
    return receipt_fields(
        await gateway.database.read(lambda conn: read_receipt(conn, account_id, request_id))
    )


@get("/v1/usage")
async def get_usage(
    gateway: TheGateway,
    caller: TheCaller,
    group_by: FromQuery[Literal["key", "model", "day"]] = "key",
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
) -> ListOf:
    """Sums of tokens and money by key, model or day (UTC), of requests in [since, until): RFC 3339 instants."""
    account_id, start, end = account_of(caller), instant("since", since), instant("until", until)
    found = await gateway.database.read(
        lambda conn: metering.sum_usage(conn, account_id, group_by, start, end)
    )
    names = {}
    if group_by == "key":
        mine = await gateway.database.read(lambda conn: keys.list_keys(conn, account_id))
        names = {key.id: key.name for key in mine}
    return ListOf([usage_fields(row, _named(row, group_by, names)) for row in found])


def _named(row: UsageRow, group_by: str, key_names: dict[str, str]) -> dict[str, Any]:
    if group_by == "key":
        return {"key_id": row.group, "key_name": key_names.get(row.group)}
    if group_by == "model":
        return {"model": row.group}
    return {"day": rfc3339(int(row.group) * DAY_US)[:10]}


def account_of(caller: Caller) -> str:
    """Raises NotAllowed for an operator, who has no account."""
    if caller.account_id is None:
        raise NotAllowed("an operator's key belongs to no account; use an account's key (tw_…) here")
    return caller.account_id
