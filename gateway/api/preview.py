"""`/v1/tokenize` and `/v1/estimate`: a request's own body (`messages`; `prompt` and `suffix`; `input`), counted and priced.

Nothing runs, nothing is held.
"""

from typing import Any

from litestar import Request, post

from gateway.api.customer import account_of
from gateway.api.schemas.inference import ANY_REQUEST
from gateway.api.wiring import TheCaller, TheGateway
from gateway.inference import preview
from gateway.inference.gateway import Gateway
from gateway.inference.operations import operation_of, parse_as
from gateway.inference.preview import Estimate, Tokenization
from gateway.inference.request import ChatRequest, dialect_of
from gateway.keys.allow import check_model
from gateway.keys.types import Caller


@post("/v1/tokenize", status_code=200, body=ANY_REQUEST, refusals=(403, 404, 502, 504))
async def tokenize(gateway: TheGateway, caller: TheCaller, request: Request[Any, Any, Any]) -> Tokenization:
    """Count a request's tokens by class, exactly.  It is the body of a chat, FIM or embeddings request; `"return_tokens": true` adds the ids."""
    return await preview.tokenize(gateway, await _read(gateway, caller, request))


@post("/v1/estimate", status_code=200, body=ANY_REQUEST, refusals=(403, 404, 502, 504))
async def estimate(gateway: TheGateway, caller: TheCaller, request: Request[Any, Any, Any]) -> Estimate:
    """Tell a request's worst and likely cost, the discounts reached, and what the balance affords.  Nothing runs, nothing is held."""
    return await preview.estimate(gateway, await _read(gateway, caller, request), account_of(caller))


async def _read(gateway: Gateway, caller: Caller, request: Request[Any, Any, Any]) -> ChatRequest:
    body = await request.body()
    asked = parse_as(operation_of(body), body, dialect_of(request.headers.get("user-agent", "")))
    check_model(caller, gateway.catalog.require(asked.model).id)
    return asked
