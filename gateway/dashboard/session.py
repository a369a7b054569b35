"""The cookie of whoever signed in, and the middleware that turns it into a viewer."""

from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from gateway.api.edge import is_page
from gateway.dashboard.door import OPEN
from gateway.people.find import ViewerFinder
from gateway.people.sign_in import SESSION_TTL_US

_SECONDS = SESSION_TTL_US // 1_000_000


def _name(*, secure: bool) -> str:
    """`__Host-`: browsers take it over https alone, for this host alone."""
    return "__Host-tollway" if secure else "tollway"


class SignedIn(ASGIMiddleware):
    """Puts `viewer` (None where that is allowed) and `session_secret` into the request's state."""

    scopes = (ScopeType.HTTP, ScopeType.ASGI)

    def __init__(self, finder: ViewerFinder) -> None:
        self._finder = finder

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        if not is_page(scope["path"]):
            await next_app(scope, receive, send)
            return
        secret = cookie_of(scope, _name(secure=scope["scheme"] == "https"))
        viewer = await self._finder.find(secret) if secret else None
        scope["state"]["viewer"], scope["state"]["session_secret"] = viewer, secret
        path = scope["path"]
        if viewer is None and not path.startswith(OPEN):
            query = scope["query_string"].decode("latin-1")
            # After a form the way leads to the start, not back to an address that only takes forms.
            wanted = (
                path + (f"?{query}" if query else "")
                if scope.get("method") in ("GET", "HEAD")
                else "/dashboard"
            )
            location = f"/dashboard/sign-in?next={quote(wanted, safe='')}".encode()
            headers = [(b"location", location), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 303, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await next_app(scope, receive, send)


def cookie_of(scope: Scope, name: str) -> str:
    """Empty: there is no cookie."""
    header = next((value for name, value in scope["headers"] if name == b"cookie"), b"").decode("latin-1")
    jar: SimpleCookie = SimpleCookie()
    jar.load(header)
    morsel = jar.get(name)
    return morsel.value if morsel else ""


def with_session(response: Response[Any], request: Request[Any, Any, Any], secret: str) -> Response[Any]:
    """The answer with the cookie; an empty secret takes it away."""
    secure = request.scope["scheme"] == "https"
    response.set_cookie(
        Cookie(key=_name(secure=secure), value=secret, max_age=_SECONDS if secret else 0, path="/",
               httponly=True, samesite="lax", secure=secure)
    )  # fmt: skip
    return response
