"""Ways in that settings open, beside the password and the operator's links."""

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency

from gateway.dashboard.render import page
from gateway.mail import Mailer
from gateway.oidc.provider import Provider


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """Wired together in `app.py`."""

    public_url: str
    """Without a slash at its end; empty where no mail is sent."""
    mailer: Mailer
    provider: Provider | None = None
    """Where else one can sign in, by OpenID Connect."""
    oidc_name: str = ""
    oidc_domains: tuple[str, ...] = ()
    """Whoever has a verified address there may sign up by themselves."""


TheWays = NamedDependency[Ways]


def sign_in_page(
    ways: Ways, *, next_path: str, status_code: int = 200, wrong: str = "", email: str = ""
) -> Response[str]:
    """All ways that there are; `wrong` says why the last one did not lead in."""
    return page("sign_in.html.j2", None, status_code=status_code, next=next_path, wrong=wrong, email=email,
                mails=ways.mailer.is_set_up, provider=ways.oidc_name if ways.provider else "")  # fmt: skip


def browser_of(request: Request[Any, Any, Any]) -> tuple[str, str]:
    """Its IP address and what it says that it is."""
    return (request.client.host if request.client else ""), request.headers.get("user-agent", "")


def local(path: str) -> str:
    """Only to pages of ours: two slashes, of whichever kind, lead to other sites."""
    safe = path.startswith("/dashboard") and "\\" not in path and "//" not in path and path.isprintable()
    return path if safe else "/dashboard"


def address_of(ways: Ways, request: Request[Any, Any, Any]) -> str:
    """Of this gateway, for a page that its own viewer reads: what is mailed has `public_url` and nothing else."""
    return ways.public_url or f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"
