"""Pay by card, at Stripe's; have the saved card pay by itself; and Stripe's own page of cards and addresses."""

from litestar import post
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.acts.payments import remove_auto_top_up, set_auto_top_up
from gateway.api.wiring import TheGateway, TheStripe
from gateway.billing.customers import portal
from gateway.billing.top_up import cents_of, order_top_up
from gateway.dashboard.door import TheForm, TheViewer, enter
from gateway.errors import BadRequest
from gateway.kit.money import parse_usd


@post("/accounts/{account_id:str}/billing/top_ups")
async def top_up(
    gateway: TheGateway, stripe: TheStripe, viewer: TheViewer, account_id: FromPath[str], form: TheForm
) -> Redirect:
    """To the page of Stripe's where it is paid."""
    account = await enter(gateway, viewer, account_id, "manage_billing")
    cents = _cents(form, "amount")
    ordered = await order_top_up(stripe.require(), account, cents, viewer.email)
    return Redirect(ordered.url, status_code=303)


@post("/accounts/{account_id:str}/billing/auto")
async def set_auto(
    gateway: TheGateway, stripe: TheStripe, viewer: TheViewer, account_id: FromPath[str], form: TheForm
) -> Redirect:
    """On, as the form has it, or (`act` is `off`) off."""
    await enter(gateway, viewer, account_id, "manage_billing")
    if form.get("act") == "off":
        await gateway.database.write(lambda conn: remove_auto_top_up(conn, viewer.email, account_id))
        return _back(account_id)
    below, cents, daily = _nanousd(form, "below"), _cents(form, "amount"), _cents(form, "daily_max")
    stripe.require()

    await gateway.database.write(
        lambda conn: set_auto_top_up(conn, viewer.email, account_id, below_nanousd=below, cents=cents,
                                     daily_cents_max=daily)
    )  # fmt: skip
    return _back(account_id)


@post("/accounts/{account_id:str}/billing/portal")
async def go_to_portal(
    gateway: TheGateway, stripe: TheStripe, viewer: TheViewer, account_id: FromPath[str], form: TheForm
) -> Redirect:
    """Cards, addresses and tax numbers are Stripe's to keep."""
    await enter(gateway, viewer, account_id, "manage_billing")
    assert not form
    return Redirect(await portal(stripe.require(), account_id), status_code=303)


def _back(account_id: str) -> Redirect:
    return Redirect(f"/dashboard/accounts/{account_id}/billing", status_code=303)


def _nanousd(form: dict[str, str], name: str) -> int:
    """Raises BadRequest."""
    try:
        return parse_usd(form.get(name, "").removeprefix("$").replace(",", ""))
    except ValueError as error:
        raise BadRequest(f"{name.replace('_', ' ')}: {error}", param=name) from error


def _cents(form: dict[str, str], name: str) -> int:
    return cents_of(_nanousd(form, name), name)


ROUTES = (top_up, set_auto, go_to_portal)
