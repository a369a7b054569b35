"""Signing in at the operator's provider: there, and back."""

from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import Cookie
from litestar.params import FromQuery
from litestar.response import Redirect

from gateway.api.wiring import TheGateway, TheKeySecret
from gateway.dashboard.session import cookie_of, with_session
from gateway.dashboard.ways import TheWays, Ways, browser_of, local
from gateway.errors import NotFound
from gateway.kit.clock import now_us
from gateway.oidc.attempt import TTL_S, begin, seal, unseal
from gateway.oidc.provider import Provider
from gateway.oidc.sign_in import by_identity
from gateway.oidc.types import Answer

CALLBACK = "/dashboard/sign-in/oidc/callback"
"""Below `public_url`: what the provider has to know as this gateway's redirect URI."""


@get("/sign-in/oidc")
async def go_there(
    ways: TheWays,
    key_secret: TheKeySecret,
    request: Request[Any, Any, Any],
    next: FromQuery[str] = "",  # noqa: A002 - its name in the address
) -> Response[Any]:
    """Sends the browser to the provider, with a cookie of what it has to come back with."""
    attempt = begin(local(next), now_us())
    answer = Redirect(await _provider(ways).address(attempt), status_code=303)
    return _with_attempt(answer, request, seal(attempt, key_secret))


@get("/sign-in/oidc/callback")
async def come_back(
    gateway: TheGateway, ways: TheWays, key_secret: TheKeySecret, request: Request[Any, Any, Any]
) -> Response[Any]:
    """Opens a session for whoever the provider says that came back."""
    now, (ip, agent) = now_us(), browser_of(request)
    attempt = unseal(cookie_of(request.scope, _name(request)), key_secret, now)
    said = Answer(**{name: request.query_params.get(name, "") for name in Answer.__struct_fields__})
    identity = await _provider(ways).identity(attempt, said)
    secret = await gateway.database.write(
        lambda conn: by_identity(conn, identity, ways.oidc_domains, ip=ip, user_agent=agent, now_us=now)
    )
    answer = Redirect(local(attempt.next_path if attempt else ""), status_code=303)
    return _with_attempt(with_session(answer, request, secret), request, "")


def _provider(ways: Ways) -> Provider:
    if ways.provider is None:
        raise NotFound("there is no other place to sign in at: this gateway's setting `oidc_issuer` is empty")
    return ways.provider


def _name(request: Request[Any, Any, Any]) -> str:
    return "__Host-tollway-oidc" if request.scope["scheme"] == "https" else "tollway-oidc"


def _with_attempt(answer: Response[Any], request: Request[Any, Any, Any], sealed: str) -> Response[Any]:
    """`lax`: it comes back with the browser, which the provider sends.  Empty: taken away."""
    answer.set_cookie(
        Cookie(key=_name(request), value=sealed, max_age=TTL_S if sealed else 0, path="/", httponly=True,
               samesite="lax", secure=request.scope["scheme"] == "https")
    )  # fmt: skip
    return answer
