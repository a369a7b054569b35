"""Where every request enters: it gets an id, it is authenticated, and whatever goes wrong gets one shape.

Authenticated unless listed: a new route cannot be left open by forgetting something.
"""

import hmac
from typing import Any

from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import BadRequest, NotAllowed, NotAuthenticated, TollwayError
from gateway.keys.find import KeyFinder
from gateway.keys.types import Caller
from gateway.kit.ids import new_id
from gateway.kit.log import logger

UNAUTHENTICATED_ROUTES = frozenset({"/healthz", "/readyz"})
"""The short list.  Adding to it is a decision about security: say why in the commit."""
JOIN_PREFIX = "/join/"
NO_KEY = "missing_api_key"
OPERATOR_PREFIXES = ("/admin/", "/metrics")


class Authenticate(ASGIMiddleware):
    """Puts `request_id` and `caller` into the request's state."""

    scopes = (ScopeType.HTTP, ScopeType.ASGI)

    def __init__(self, keys: KeyFinder, join_token: str) -> None:
        self._keys = keys
        self._join_token = join_token

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request_id = new_id("req")
        scope["state"]["request_id"] = request_id
        if scope["path"].startswith(JOIN_PREFIX):
            self._check_join_token(scope)
        elif scope["path"] not in UNAUTHENTICATED_ROUTES:
            scope["state"]["caller"] = await self._caller(scope)
        await next_app(scope, receive, _with_request_id(send, request_id))

    async def _caller(self, scope: Scope) -> Caller:
        caller = await self._keys.authenticate(_authorization(scope))
        if scope["path"].startswith(OPERATOR_PREFIXES) and caller.kind != "operator":
            raise NotAllowed(
                "this part needs an operator's key (twop_…); `tollway-gateway keys create --operator` makes one"
            )
        return caller

    def _check_join_token(self, scope: Scope) -> None:
        """A worker's token opens these routes and nothing else: a GPU box holds no key that could spend or grant."""
        if not self._join_token:
            raise NotAuthenticated("workers cannot join this gateway: its join_token is not set", code=NO_KEY)
        given = _authorization(scope).removeprefix("Bearer ").strip()
        if not given:
            raise NotAuthenticated("send the gateway's join_token as `Authorization: Bearer …`", code=NO_KEY)
        if not hmac.compare_digest(given.encode(), self._join_token.encode()):
            raise NotAuthenticated("the join token is wrong; it is this gateway's setting join_token")


def _authorization(scope: Scope) -> str:
    return next((value for name, value in scope["headers"] if name == b"authorization"), b"").decode(
        "latin-1"
    )


def _with_request_id(send: Send, request_id: str) -> Send:
    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if not any(name == b"x-request-id" for name, _ in headers):
                headers.append((b"x-request-id", request_id.encode()))
            message = {**message, "headers": headers}
        await send(message)

    return send_with_id


def refuse(request: Request[Any, Any, Any], error: TollwayError) -> Response[bytes]:
    """A TollwayError as the API's own error shape."""
    request_id = request.scope["state"].get("request_id") or new_id("req")
    headers = {**error.headers(), "x-request-id": request_id}
    return Response(
        error.body(request_id), status_code=error.status, headers=headers, media_type="application/json"
    )


def refuse_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's own refusals (no such route, wrong method, a parameter that does not fit) in our shape."""
    refusal = BadRequest(error.detail or "the request cannot be understood")
    refusal.status = error.status_code
    if error.status_code == 404:
        refusal.code = "not_found"
        refusal.message = f"there is nothing at {request.method} {request.url.path}"
    elif error.status_code == 405:
        refusal.code = "method_not_allowed"
        refusal.message = f"{request.url.path} does not answer to {request.method}"
    elif error.extra:
        problems = [item for item in error.extra if isinstance(item, dict)]
        refusal.param = str(problems[0].get("key")) if problems else None
        refusal.message = (
            "; ".join(f"{item.get('key')}: {item.get('message')}" for item in problems) or error.detail
        )
    return refuse(request, refusal)


def refuse_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Our bug: the log has the traceback, the client has the id to ask about."""
    request_id = request.scope["state"].get("request_id", "")
    logger().exception("unexpected_error", request_id=request_id, path=request.url.path, exc_info=error)
    return refuse(request, TollwayError("something went wrong in the gateway; nothing was charged"))
