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

from gateway.api.scopes import check_route
from gateway.billing.border import WEBHOOK_PATH
from gateway.errors import (
    BadRequest,
    BodyTooLarge,
    MethodNotAllowed,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TollwayError,
)
from gateway.keys.find import KeyFinder
from gateway.keys.types import Caller
from gateway.kit.ids import new_id
from gateway.kit.log import logger

UNAUTHENTICATED_ROUTES = frozenset({"/healthz", "/readyz", "/openapi.json", WEBHOOK_PATH})
"""The short list.  Adding to it is a decision about security: say why in the commit."""
JOIN_PREFIX = "/join/"
NO_KEY = "missing_api_key"
OPERATOR_PREFIXES = ("/admin/", "/metrics")


def is_page(path: str) -> bool:
    """Pages have sessions, not keys: dashboard/session.py lets in whoever signed in."""
    return path == "/dashboard" or path.startswith("/dashboard/")


class Authenticate(ASGIMiddleware):
    """Puts `request_id` and `caller` into the request's state."""

    scopes = (ScopeType.HTTP, ScopeType.ASGI)

    def __init__(self, keys: KeyFinder, join_token: str) -> None:
        self._keys = keys
        self._join_token = join_token

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request_id = new_id("req")
        scope["state"]["request_id"] = request_id
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            raise BadRequest("a NUL character (%00) is part of no name here; leave it out")
        if scope["path"].startswith(JOIN_PREFIX):
            self._check_join_token(scope)
        elif scope["path"] not in UNAUTHENTICATED_ROUTES and not is_page(scope["path"]):
            scope["state"]["caller"] = await caller_of(self._keys, scope)
        if scope.get("method") == "OPTIONS":
            await _say_methods(scope, _with_request_id(send, request_id))
            return
        await next_app(scope, receive, _with_request_id(send, request_id))

    def _check_join_token(self, scope: Scope) -> None:
        """A worker's token opens these routes and nothing else: a GPU box holds no key that could spend or grant."""
        if not self._join_token:
            raise NotAuthenticated("workers cannot join this gateway: its join_token is not set", code=NO_KEY)
        given = _authorization(scope).removeprefix("Bearer ").strip()
        if not given:
            raise NotAuthenticated("send the gateway's join_token as `Authorization: Bearer …`", code=NO_KEY)
        if not hmac.compare_digest(given.encode(), self._join_token.encode()):
            raise NotAuthenticated("the join token is wrong; it is this gateway's setting join_token")


async def caller_of(keys: KeyFinder, scope: Scope) -> Caller:
    """Who calls, if it may call this route.

    Raises:
        NotAuthenticated, NotAllowed: it may not.
        StorageUnavailable: it cannot be looked up now.
    """
    client = scope["client"]
    caller = await keys.authenticate(_authorization(scope), client[0] if client else None)
    if scope["path"].startswith(OPERATOR_PREFIXES) and caller.kind != "operator":
        raise NotAllowed(
            "this part needs an operator's key (twop_…); `tollway-gateway keys create --operator` makes one"
        )
    check_route(caller, scope)
    return caller


def _authorization(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return value.decode("latin-1")
    return ""


async def _say_methods(scope: Scope, send: Send) -> None:
    """Litestar's own answer names only the methods that were registered first for a path."""
    there_are = scope["litestar_app"].route_handler_method_map[scope["path_template"]]
    allow = "POST" if "asgi" in there_are else ", ".join(sorted(there_are))
    headers = [(b"allow", allow.encode())]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


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
    path, status = request.url.path, error.status_code
    if status == 404:
        return refuse(request, NotFound(f"there is nothing at {request.method} {path}"))
    if status == 405:
        allow = (error.headers or {})["allow"]
        return refuse(request, MethodNotAllowed(f"{path} does not answer to {request.method}", allow=allow))
    if status == 413:
        return refuse(request, BodyTooLarge("the body exceeds this gateway's `body_bytes_max`; send less"))
    refusal = BadRequest(f"the request cannot be understood: {error.detail}")
    problems = [(_place(item), item["message"]) for item in error.extra or () if isinstance(item, dict)]
    if problems:
        refusal.message = "; ".join(f"{place}: {what}" for place, what in problems)
        refusal.param = problems[0][0]
    refusal.status = status
    return refuse(request, refusal)


def _place(problem: dict[str, Any]) -> str:
    """What `data` is called in a handler, clients call the body."""
    return "body" if problem["key"] == "data" else str(problem["key"])


def refuse_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Our bug: the log has the traceback, the client has the id to ask about."""
    request_id = request.scope["state"].get("request_id", "")
    return refuse(request, unexpected(request_id, request.url.path, error))


def unexpected(request_id: str, path: str, error: Exception) -> TollwayError:
    """What is said of our bug, and to whom."""
    logger().exception("unexpected_error", request_id=request_id, path=path, exc_info=error)
    return TollwayError("something went wrong in the gateway; nothing was charged")
