"""Asking for a link by mail, and what the mails say."""

from typing import Any
from urllib.parse import quote

from litestar import Request, Response, post

from gateway.accounts.types import Account
from gateway.api.wiring import TheGateway
from gateway.dashboard.door import TheForm
from gateway.dashboard.render import page
from gateway.dashboard.ways import TheWays, Ways, browser_of, local
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.mail import Mail
from gateway.people.by_mail import link_for, note_ask
from gateway.people.types import Viewer

_LINK = """\
Somebody, hopefully you, asked to sign in to Tollway at {where} (from {ip}).

This link signs you in. It works once, within 15 minutes:

{link}

If it was not you, do nothing: nobody gets in without this link.
"""
_INVITATION = """\
{who} made you a member of the account "{account}" at {where}.

{how}
"""
_WITH_LINK = """\
This link signs you in. It works once, within seven days:

{link}

After that, a new link is a click away on the page where you sign in."""
_AS_ALWAYS = "Sign in as always: {link}"


@post("/sign-in/mail", status_code=200)
async def ask_for_link(
    gateway: TheGateway, ways: TheWays, request: Request[Any, Any, Any], form: TheForm
) -> Response[str]:
    """Says the same, and as fast, whoever is known: what differs is done after the answer, by the mailer."""
    email, next_path, (ip, _) = form.get("email", ""), local(form.get("next", "")), browser_of(request)
    await gateway.database.write(lambda conn: note_ask(conn, email, ip, now_us()))
    ways.mailer.send_soon(lambda: _letter(gateway.database, ways, email, ip, next_path))
    return page("mail_sent.html.j2", None, email=email[:254], next=next_path)


async def _letter(database: Database, ways: Ways, email: str, ip: str, next_path: str) -> Mail | None:
    """None: nobody is known by this address."""
    found = await database.write(lambda conn: link_for(conn, email, now_us()))
    if found is None:
        return None
    person, secret = found
    further = f"?next={quote(next_path, safe='')}" if next_path != "/dashboard" else ""
    link = f"{ways.public_url}/dashboard/link/{secret}{further}"
    text = _LINK.format(where=ways.public_url, ip=ip, link=link)
    return Mail(to=person.email, subject="Sign in to Tollway", text=text)


def invitation(ways: Ways, viewer: Viewer, account: Account, email: str, secret: str | None) -> Mail:
    """`secret` None: they can sign in already.  Names are people's own words, so each stays a piece of its line."""
    link = f"{ways.public_url}/dashboard/link/{secret}" if secret else f"{ways.public_url}/dashboard"
    how = (_WITH_LINK if secret else _AS_ALWAYS).format(link=link)
    name = " ".join(account.name.split())[:100]
    text = _INVITATION.format(who=viewer.email, account=name, where=ways.public_url, how=how)
    return Mail(to=email, subject="An invitation to Tollway", text=text)
