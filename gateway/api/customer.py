"""What an account sees of itself: models and credits."""

from typing import Annotated

from litestar import get
from litestar.params import PathParameter

from gateway.api.schemas.accounts import Credits, credits_of
from gateway.api.schemas.models import ModelCard, model_card
from gateway.api.schemas.shapes import ListOf
from gateway.api.wiring import TheCaller, TheGateway
from gateway.credit import store as credit
from gateway.errors import NotAllowed, NotFound, UnknownModel
from gateway.inference.request import MISTRAL_PREFIX
from gateway.keys.allow import check_model
from gateway.keys.types import Caller


@get(["/v1/models", f"{MISTRAL_PREFIX}/v1/models"])
async def list_models(gateway: TheGateway, caller: TheCaller) -> ListOf[ModelCard]:
    """List the models that have a price, that this key may use and, at this moment, somebody serves."""
    served = gateway.workers.served_models()
    allowed = served if caller.models is None else served & set(caller.models)
    return ListOf([model_card(model) for model in gateway.catalog.book.models if model.id in allowed])


@get(["/v1/models/{name:path}", MISTRAL_PREFIX + "/v1/models/{name:path}"], refusals=(403, 404))
async def get_model(
    gateway: TheGateway,
    caller: TheCaller,
    name: Annotated[str, PathParameter(description="A model's id or alias.")],
) -> ModelCard:
    """Tell what one model can do and costs."""
    model = gateway.catalog.require(name.lstrip("/"))
    check_model(caller, model.id)
    if model.id not in gateway.workers.served_models():
        raise UnknownModel(f"no worker serves {model.id!r} here", param="model")
    return model_card(model)


@get("/v1/credits", refusals=(404,))
async def get_credits(gateway: TheGateway, caller: TheCaller) -> Credits:
    """Tell the balance, and the grants it is made of."""
    account_id = account_of(caller)
    balance = await gateway.database.read(lambda conn: credit.read_balance(conn, account_id))
    if balance is None:
        raise NotFound("this account has no balance")
    grants = await gateway.database.read(lambda conn: credit.list_grants(conn, account_id))
    left = await gateway.database.read(lambda conn: credit.list_open_grants(conn, account_id))
    return credits_of(balance, grants, left)


def account_of(caller: Caller) -> str:
    """Raises NotAllowed for an operator, who has no account."""
    if caller.account_id is None:
        raise NotAllowed("an operator's key belongs to no account; use an account's key (tw_…) here")
    return caller.account_id
