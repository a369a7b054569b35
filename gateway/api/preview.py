"""`/v1/tokenize` and `/v1/estimate`: the chat request's own body, counted and priced; nothing runs, nothing is held."""

from typing import Any

from litestar import Request, post

from gateway.api.customer import account_of
from gateway.api.wiring import TheCaller, TheGateway
from gateway.inference import preview
from gateway.inference.request import dialect_of, parse


@post("/v1/tokenize", status_code=200)
async def tokenize(gateway: TheGateway, request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Exact tokens by class; `"return_tokens": true` adds the ids."""
    dialect = dialect_of(request.headers.get("user-agent", ""))
    return await preview.tokenize(gateway, parse(await request.body(), dialect))


@post("/v1/estimate", status_code=200)
async def estimate(gateway: TheGateway, caller: TheCaller, request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Worst and likely cost, tier, and what the balance affords."""
    dialect = dialect_of(request.headers.get("user-agent", ""))
    return await preview.estimate(gateway, parse(await request.body(), dialect), account_of(caller))
