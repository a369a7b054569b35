"""Every page, below `/dashboard`, behind the session."""

from typing import Any

from litestar import Request, Response, Router, get
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.handlers import ASGIRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.dashboard import (
    alerts,
    billing,
    by_mail,
    by_oidc,
    invoice,
    key,
    key_may,
    keys,
    limits,
    log,
    margins,
    members,
    operator,
    overview,
    pay,
    payments,
    playground,
    prices,
    projects,
    requests,
    sign_in,
    start,
    usage,
    workers,
)
from gateway.dashboard.door import TheViewer, form_of, sent_by_own_script
from gateway.dashboard.pulse import Pulse
from gateway.dashboard.render import STATIC, page
from gateway.errors import TollwayError
from gateway.people.types import Viewer

_MEDIA = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_HEADINGS = {400: "That cannot be shown", 403: "Not yours to see", 404: "There is nothing here"}


@get("/")
async def show_start(viewer: TheViewer) -> Redirect:
    """Where somebody who just signed in wants to be."""
    if viewer.memberships:
        return Redirect(f"/dashboard/accounts/{viewer.memberships[0].account_id}")
    return Redirect("/dashboard/operator" if viewer.is_operator else "/dashboard/sessions")


@get("/static/{name:str}")
async def get_static(name: FromPath[str]) -> Response[bytes]:
    """The style, the script and the icon; their addresses change with what is in them."""
    file = STATIC.joinpath(name)
    if name not in {each.name for each in STATIC.iterdir()}:
        raise NotFoundException
    headers = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
    return Response(file.read_bytes(), media_type=_MEDIA[name.rpartition(".")[2]], headers=headers)


def refuse(request: Request[Any, Any, Any], error: TollwayError) -> Response[str]:
    """A page that says what is wrong."""
    state = request.scope["state"]
    heading = _HEADINGS.get(error.status, "That did not work")
    return page("error.html.j2", state.get("viewer"), status_code=error.status, heading=heading,
                message=error.message, request_id=state.get("request_id", ""))  # fmt: skip


def _viewer(request: Request[Any, Any, Any]) -> Viewer:
    viewer: Viewer = request.scope["state"]["viewer"]
    return viewer


OF_KEYS = (
    keys.show_keys,
    keys.make_key,
    key.show_key,
    key.rotate,
    key_may.say_what_it_may,
    key.change,
    projects.show_projects,
    projects.make,
    projects.change,
    limits.show_limits,
    limits.set_limits,
    limits.set_key_limits,
)

OPERATORS = (
    operator.show_traffic,
    operator.show_accounts,
    operator.make_account,
    operator.make_grant,
    workers.show_workers,
    workers.cordon_worker,
    workers.change_capacity,
    prices.show_prices,
    prices.try_prices,
    prices.publish_prices,
    margins.show_margins,
    *payments.ROUTES,
    operator.show_ledger,
    log.show_whole_log,
)


def router(*more: ASGIRouteHandler) -> Router:
    """All of them, and `more` that are wired elsewhere; `session.SignedIn` says whose they are."""
    pulse = Pulse()
    return Router(
        path="/dashboard",
        route_handlers=[
            show_start,
            get_static,
            overview.show_overview,
            usage.show_usage,
            usage.get_usage_csv,
            requests.show_requests,
            requests.show_receipt,
            *OF_KEYS,
            billing.show_billing,
            billing.show_statement,
            invoice.show_invoice,
            *pay.ROUTES,
            *alerts.ROUTES,
            start.show_start,
            playground.show_playground,
            playground.estimate,
            playground.get_bill,
            *more,
            members.show_members,
            members.invite_member,
            members.change_member,
            log.show_log,
            sign_in.show_sign_in,
            sign_in.sign_in,
            by_mail.ask_for_link,
            by_oidc.go_there,
            by_oidc.come_back,
            sign_in.show_link,
            sign_in.use_link,
            sign_in.show_sign_out,
            sign_in.sign_out,
            sign_in.show_sessions,
            sign_in.end_sessions,
            sign_in.set_password,
            *OPERATORS,
        ],
        dependencies={
            "pulse": Provide(lambda: pulse, sync_to_thread=False),
            "viewer": Provide(_viewer, sync_to_thread=False),
            "form": Provide(form_of),
            "sender": Provide(sent_by_own_script, sync_to_thread=False),
        },
        exception_handlers={TollwayError: refuse},
    )
