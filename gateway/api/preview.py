"""`/v1/tokenize` and `/v1/estimate`: a request's own body (`messages`; `prompt` and `suffix`; `input`), counted and priced.

Nothing runs, nothing is held.
"""

from typing import Any

from litestar import Request, post

from gateway.api.customer import account_of
from gateway.api.wiring import TheCaller, TheGateway
from gateway.inference import preview
from gateway.inference.operations import operation_of, parse_as
from gateway.inference.preview import Estimate, Tokenization
from gateway.inference.request import ChatRequest, dialect_of


@post("/v1/tokenize", status_code=200)
async def tokenize(gateway: TheGateway, request: Request[Any, Any, Any]) -> Tokenization:
    """Exact tokens by class; `"return_tokens": true` adds the ids."""
    return await preview.tokenize(gateway, await _read(request))


@post("/v1/estimate", status_code=200)
async def estimate(gateway: TheGateway, caller: TheCaller, request: Request[Any, Any, Any]) -> Estimate:
    """Worst and likely cost, tier, and what the balance affords."""
    return await preview.estimate(gateway, await _read(request), account_of(caller))


async def _read(request: Request[Any, Any, Any]) -> ChatRequest:
    body = await request.body()
    return parse_as(operation_of(body), body, dialect_of(request.headers.get("user-agent", "")))
