"""Signing in and out, one's own password and sessions."""

import asyncio
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from gateway.api.wiring import TheGateway
from gateway.dashboard.door import TheForm, TheViewer, TheViewers
from gateway.dashboard.render import page
from gateway.dashboard.session import with_session
from gateway.dashboard.ways import TheWays, browser_of, local, sign_in_page
from gateway.errors import BadRequest, NotAuthenticated
from gateway.inference.gateway import Gateway
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.people import store
from gateway.people.find import ViewerFinder
from gateway.people.log import record
from gateway.people.secrets import hash_of, hash_password, is_password
from gateway.people.sign_in import IDLE_US, by_link, by_password, whose
from gateway.people.types import Viewer


@get("/sign-in")
async def show_sign_in(
    ways: TheWays,
    request: Request[Any, Any, Any],
    next: FromQuery[str] = "",  # noqa: A002 - its name in the address
) -> Response[Any]:
    """Every way in that there is."""
    if request.scope["state"]["viewer"] is not None:
        return Redirect(local(next))
    return sign_in_page(ways, next_path=local(next))


@post("/sign-in", status_code=200)
async def sign_in(
    gateway: TheGateway, ways: TheWays, request: Request[Any, Any, Any], form: TheForm
) -> Response[Any]:
    """A wrong password shows the page again, and says only that."""
    email, now = form.get("email", ""), now_us()
    person = await gateway.database.read(lambda conn: whose(conn, email, now))
    hashed = person.password_hash if person else None
    right = await asyncio.to_thread(is_password, form.get("password", ""), hashed)
    ip, agent = browser_of(request)
    secret = await gateway.database.write(
        lambda conn: by_password(conn, email, person, right=right, ip=ip, user_agent=agent, now_us=now)
    )
    if secret is None:
        wrong = "This e-mail address and password do not belong together."
        return sign_in_page(
            ways, next_path=local(form.get("next", "")), status_code=401, wrong=wrong, email=email[:254]
        )
    return with_session(Redirect(local(form.get("next", "")), status_code=303), request, secret)


@get("/link/{secret:str}")
async def show_link(
    gateway: TheGateway,
    secret: FromPath[str],
    next: FromQuery[str] = "",  # noqa: A002 - its name in the address
) -> Response[str]:
    """A page with a button: what reads mails in advance opens links, and would use this one up."""
    now = now_us()
    person = await gateway.database.read(lambda conn: store.find_link(conn, hash_of(secret), now))
    if person is None:
        raise NotAuthenticated("this link was used, or is too old; ask for a new one")
    return page("link.html.j2", None, secret=secret, email=person.email, next=local(next))


@post("/link/{secret:str}", status_code=200)
async def use_link(
    gateway: TheGateway, request: Request[Any, Any, Any], secret: FromPath[str], form: TheForm
) -> Response[Any]:
    """Opens a session, once."""
    ip, agent = browser_of(request)
    session = await gateway.database.write(
        lambda conn: by_link(conn, secret, ip=ip, user_agent=agent, now_us=now_us())
    )
    return with_session(Redirect(local(form.get("next", "")), status_code=303), request, session)


@get("/sign-out")
async def show_sign_out(viewer: TheViewer) -> Response[str]:
    """Asks; the button does it."""
    return page("sign_out.html.j2", viewer)


@post("/sign-out")
async def sign_out(
    gateway: TheGateway,
    viewers: TheViewers,
    request: Request[Any, Any, Any],
    viewer: TheViewer,
    form: TheForm,
) -> Response[Any]:
    """Ends this session, here and on the server."""
    assert not form
    await _end(gateway, viewers, viewer, only=viewer.session_id)
    return with_session(Redirect("/dashboard/sign-in", status_code=303), request, "")


@get("/sessions")
async def show_sessions(gateway: TheGateway, viewer: TheViewer) -> Response[str]:
    """Where one is signed in, and the password."""
    now = now_us()
    found = await gateway.database.read(
        lambda conn: store.list_sessions(conn, viewer.person_id, now, IDLE_US)
    )
    return page("sessions.html.j2", viewer, sessions=found)


@post("/sessions")
async def end_sessions(
    gateway: TheGateway, viewers: TheViewers, viewer: TheViewer, form: TheForm
) -> Redirect:
    """One of one's own, or all others."""
    only = form.get("session_id")
    await _end(gateway, viewers, viewer, only=only, but=None if only else viewer.session_id)
    return Redirect("/dashboard/sessions", status_code=303)


@post("/password")
async def set_password(
    gateway: TheGateway, viewers: TheViewers, viewer: TheViewer, form: TheForm
) -> Redirect:
    """A new one ends all other sessions and links: somebody else may have opened them."""
    if form.get("password") != form.get("again"):
        raise BadRequest("the two passwords are not the same; type it twice", param="again")
    hashed = await asyncio.to_thread(hash_password, form.get("password", ""))

    def change(conn: WriteConn) -> None:
        store.change_person(conn, viewer.person_id, password_hash=hashed)
        store.drop_links(conn, viewer.person_id)
        record(conn, viewer.email, "password.change", now_us(), target=viewer.person_id)

    await gateway.database.write(change)
    await _end(gateway, viewers, viewer, but=viewer.session_id)
    return Redirect("/dashboard/sessions", status_code=303)


async def _end(
    gateway: Gateway,
    viewers: ViewerFinder,
    viewer: Viewer,
    *,
    only: str | None = None,
    but: str | None = None,
) -> None:
    def end(conn: WriteConn) -> None:
        now = now_us()
        store.revoke_sessions(conn, viewer.person_id, now, only=only, but=but)
        record(conn, viewer.email, "session.end", now, target=only or "all others")

    await gateway.database.write(end)
    viewers.forget()
