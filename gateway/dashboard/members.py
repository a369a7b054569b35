"""An account's members."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.accounts.types import Account
from gateway.api.wiring import TheGateway
from gateway.dashboard.by_mail import invitation
from gateway.dashboard.door import TheForm, TheViewer, TheViewers, around, enter
from gateway.dashboard.render import page
from gateway.dashboard.ways import TheWays, address_of
from gateway.errors import BadRequest
from gateway.inference.gateway import Gateway
from gateway.kit.clock import now_us
from gateway.mail.types import is_address
from gateway.people import store
from gateway.people.members import change_role, invite, remove, role_named
from gateway.people.roles import ROLES
from gateway.people.types import Viewer


@get("/accounts/{account_id:str}/members")
async def show_members(gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str]) -> Response[str]:
    """Everybody who may look."""
    account = await enter(gateway, viewer, account_id, "manage_members")
    return await _page(gateway, viewer, account)


@post("/accounts/{account_id:str}/members", status_code=200)
async def invite_member(
    gateway: TheGateway, viewers: TheViewers, ways: TheWays, request: Request[Any, Any, Any], viewer: TheViewer,
    account_id: FromPath[str], form: TheForm,
) -> Response[str]:  # fmt: skip
    """Asks somebody in.  Who was never here gets a link: by mail, or shown to whoever asked, to pass on."""
    account = await enter(gateway, viewer, account_id, "manage_members")
    email, role = form.get("email", ""), role_named(form.get("role", ""))
    mails = ways.mailer.is_set_up
    if mails and not is_address(email):
        raise BadRequest(f"{email[:60]!r} is no e-mail address that mail can be sent to", param="email")
    secret = await gateway.database.write(
        lambda conn: invite(conn, viewer, account_id, email, role, now_us(), mailed=mails)
    )
    viewers.forget()
    if mails:
        ways.mailer.send_soon(invitation(ways, viewer, account, email, secret))
        return await _page(gateway, viewer, account, invited=email, mailed=True)
    link = f"{address_of(ways, request)}/dashboard/link/{secret}" if secret else ""
    return await _page(gateway, viewer, account, invited=email, link=link)


@post("/accounts/{account_id:str}/members/{person_id:str}")
async def change_member(
    gateway: TheGateway,
    viewers: TheViewers,
    viewer: TheViewer,
    account_id: FromPath[str],
    person_id: FromPath[str],
    form: TheForm,
) -> Redirect:
    """Another role; the role `none` is none."""
    await enter(gateway, viewer, account_id, "manage_members")
    wanted, now = form.get("role", ""), now_us()
    if wanted == "none":
        await gateway.database.write(lambda conn: remove(conn, viewer, account_id, person_id, now))
    else:
        role = role_named(wanted)
        await gateway.database.write(lambda conn: change_role(conn, viewer, account_id, person_id, role, now))
    viewers.forget()
    return Redirect(f"/dashboard/accounts/{account_id}/members", status_code=303)


async def _page(
    gateway: Gateway,
    viewer: Viewer,
    account: Account,
    *,
    invited: str = "",
    link: str = "",
    mailed: bool = False,
) -> Response[str]:
    found = await gateway.database.read(lambda conn: store.members_of(conn, account.id))
    return page("members.html.j2", viewer, **around(account, viewer, "Members"), members=found, roles=ROLES,
                invited=invited, link=link, mailed=mailed)  # fmt: skip
