"""Who may see which account: every page of one begins here."""

import hmac
from typing import Any, get_args
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency

from gateway.accounts import store as accounts
from gateway.accounts.types import Account
from gateway.errors import NotAllowed, NotFound
from gateway.inference.gateway import Gateway
from gateway.people.find import ViewerFinder
from gateway.people.roles import Action
from gateway.people.types import Viewer

OPEN = ("/dashboard/sign-in", "/dashboard/link/", "/dashboard/static/")
"""Where somebody who has not signed in may be."""

TheViewer = NamedDependency[Viewer]
"""Whoever is signed in; `session.py` provides it."""


TheViewers = NamedDependency[ViewerFinder]

TheForm = NamedDependency[dict[str, str]]
"""The fields of a form that this session's own page sent: what every unsafe route asks for."""


async def form_of(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Raises NotAllowed: it came from elsewhere, or its page is older than the session.

    Whoever signs in has no session yet, and no token: there, that it came from here is all there is to check.
    """
    _check_origin(request)
    fields = {name: str(value).strip() for name, value in (await request.form()).items()}
    given = fields.pop("csrf", "")
    if not request.url.path.startswith(OPEN):
        _check_token(request, given)
    return fields


def sent_by_own_script(request: ASGIConnection[Any, Any, Any, Any]) -> Viewer:
    """Who is signed in, where a script of ours sends what is no form: the token is in a header.  Raises NotAllowed."""
    _check_origin(request)
    _check_token(request, request.headers.get("x-csrf", ""))
    viewer: Viewer = request.scope["state"]["viewer"]
    return viewer


def _check_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    origin, site = connection.headers.get("origin"), connection.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc != connection.headers.get("host")
    ):
        raise NotAllowed("this form was sent by another site; open the page here and send it again")


def _check_token(connection: ASGIConnection[Any, Any, Any, Any], given: str) -> None:
    if not hmac.compare_digest(given.encode(), connection.scope["state"]["viewer"].csrf.encode()):
        raise NotAllowed(
            "this page was opened before you signed in; go back, reload it and send the form again"
        )


async def enter(gateway: Gateway, viewer: Viewer, account_id: str, action: Action) -> Account:
    """The account, for somebody who may do this there.

    Raises:
        NotFound: there is none, or this viewer is not in it: the two look alike on purpose.
        NotAllowed: a member whose role does not go so far.
    """
    if not viewer.is_operator and viewer.role_in(account_id) is None:
        raise NotFound("there is no such account, or you are not a member of it")
    if not viewer.may(account_id, action):
        raise NotAllowed(
            f"your role here, {viewer.role_in(account_id)}, may not do this; ask an owner of the account"
        )
    account = await gateway.database.read(lambda conn: accounts.find_account(conn, account_id))
    if account.id != account_id:  # found by its name: an operator's hand-written address
        raise NotFound("there is no such account; the address has its id, not its name")
    return account


def operator_only(viewer: Viewer) -> None:
    """Raises NotFound: these pages are nobody else's business."""
    if not viewer.is_operator:
        raise NotFound("there is nothing here")


def around(account: Account, viewer: Viewer, here: str) -> dict[str, Any]:
    """What every page of an account is given."""
    sees = {action for action in get_args(Action) if viewer.may(account.id, action)}
    return {"account": account, "here": here, "sees": sees}
