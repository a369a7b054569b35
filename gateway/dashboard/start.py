"""How to begin: the snippets that a developer pastes, with this gateway's address in them."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from gateway.api.wiring import TheGateway
from gateway.dashboard.door import TheViewer, around, enter
from gateway.dashboard.render import page


@get("/accounts/{account_id:str}/start")
async def show_start(
    gateway: TheGateway, viewer: TheViewer, request: Request[Any, Any, Any], account_id: FromPath[str]
) -> Response[str]:
    """A first request, in four ways."""
    account = await enter(gateway, viewer, account_id, "see_usage")
    served = gateway.workers.served_models()
    models = [model for model in gateway.catalog.book.models if model.id in served]
    first = next((model.id for model in models if model.chat), "magistral-small-2509")
    base = f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"
    return page(
        "start.html.j2", viewer, **around(account, viewer, "Start"), base=base, model=first, models=models
    )
