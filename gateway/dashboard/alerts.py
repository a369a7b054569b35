"""An account's alerts: when something is said, to whom, and what became of it."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.accounts.types import Account
from gateway.acts import alerts as acts
from gateway.alerts import manage, store
from gateway.alerts.decide import PERCENT
from gateway.alerts.deliver import Courier
from gateway.alerts.look import look
from gateway.alerts.types import Figures, Fire, Firing, Message, Rule, Target
from gateway.alerts.words import KIND_WORDS, fired_words, rounded, rule_words
from gateway.api.wiring import TheGateway
from gateway.dashboard.door import TheForm, TheViewer, around, enter
from gateway.dashboard.render import page
from gateway.inference.gateway import Gateway
from gateway.keys import store as keys
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn, WriteConn
from gateway.kit.ids import new_id
from gateway.people import store as people
from gateway.people.types import Viewer

TheCourier = NamedDependency[Courier]
MESSAGES = 30
FIRINGS = 10
_decoder = msgspec.json.Decoder(Message)


class Row(msgspec.Struct, frozen=True):
    """A rule as the page shows it.  `percent`: of the way to its last threshold; None: that says nothing."""

    rule: Rule
    name: str
    words: str
    key_name: str | None
    now: str
    percent: int | None
    fires: bool


@get("/accounts/{account_id:str}/alerts")
async def show_alerts(
    gateway: TheGateway, viewer: TheViewer, courier: TheCourier, account_id: FromPath[str]
) -> Response[str]:
    """Rules, who is told, and the messages of late."""
    account = await enter(gateway, viewer, account_id, "manage_alerts")
    return await _page(gateway, viewer, courier, account)


@post("/accounts/{account_id:str}/alerts")
async def add_alert(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], form: TheForm
) -> Redirect:
    """A rule."""
    await enter(gateway, viewer, account_id, "manage_alerts")
    key_id = form.get("key_id") or None
    rule = manage.rule_of(new_id("alr"), account_id, form, now_us(), key_id=key_id)
    await gateway.database.write(lambda conn: acts.add_rule(conn, viewer.email, rule))
    return _back(account_id)


@post("/accounts/{account_id:str}/alerts/rules/{rule_id:str}")
async def remove_alert(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], rule_id: FromPath[str], form: TheForm
) -> Redirect:
    """It says nothing any more."""
    await enter(gateway, viewer, account_id, "manage_alerts")
    assert not form
    now = now_us()
    await gateway.database.write(lambda conn: acts.remove_rule(conn, viewer.email, account_id, rule_id, now))
    return _back(account_id)


@post("/accounts/{account_id:str}/alerts/targets", status_code=200)
async def add_target(
    gateway: TheGateway, viewer: TheViewer, courier: TheCourier, account_id: FromPath[str], form: TheForm
) -> Response[str]:
    """A member's address, or a URL, whose secret is shown on this page and never again."""
    account = await enter(gateway, viewer, account_id, "manage_alerts")
    target_id, person_id, now = new_id("tgt"), form.get("person_id"), now_us()

    def add(conn: WriteConn) -> Target:
        target = (
            manage.mail_to(conn, target_id, account_id, person_id, now)
            if person_id
            else manage.webhook_to(target_id, account_id, form.get("url", ""), now,
                                   private_targets=courier.private_targets)
        )  # fmt: skip
        acts.add_target(conn, viewer.email, target)
        return target

    target = await gateway.database.write(add)
    return await _page(gateway, viewer, courier, account, shown=target if target.kind == "webhook" else None)


@post("/accounts/{account_id:str}/alerts/targets/{target_id:str}/{act:str}", status_code=200)
async def change_target(
    gateway: TheGateway, viewer: TheViewer, courier: TheCourier, account_id: FromPath[str],
    target_id: FromPath[str], act: FromPath[str], form: TheForm,
) -> Response[str] | Redirect:  # fmt: skip
    """`test`, `rotate`, `resume` or `remove`."""
    account = await enter(gateway, viewer, account_id, "manage_alerts")
    assert not form
    message_id, now = new_id("msg"), now_us()
    if act == "test":
        await gateway.database.write(
            lambda conn: acts.send_test(conn, viewer.email, account, target_id, message_id, now)
        )
        return _back(account_id)
    target = await gateway.database.write(
        lambda conn: acts.change_target(conn, viewer.email, account_id, target_id, act, now)
    )
    return (
        await _page(gateway, viewer, courier, account, shown=target) if act == "rotate" else _back(account_id)
    )


@post("/accounts/{account_id:str}/alerts/messages/{message_id:str}")
async def send_again(
    gateway: TheGateway,
    viewer: TheViewer,
    account_id: FromPath[str],
    message_id: FromPath[str],
    form: TheForm,
) -> Redirect:
    """One that was given up."""
    await enter(gateway, viewer, account_id, "manage_alerts")
    assert not form
    now = now_us()
    await gateway.database.write(
        lambda conn: acts.send_again(conn, viewer.email, account_id, message_id, now)
    )
    return _back(account_id)


def _back(account_id: str) -> Redirect:
    return Redirect(f"/dashboard/accounts/{account_id}/alerts", status_code=303)


async def _page(
    gateway: Gateway, viewer: Viewer, courier: Courier, account: Account, shown: Target | None = None
) -> Response[str]:
    """`shown`: whose secret is to be seen, this once."""
    found = await gateway.database.read(lambda conn: _read_alerts(conn, account.id, now_us()))
    secret = courier.secret_of(shown) if shown is not None else ""
    return page("alerts.html.j2", viewer, **around(account, viewer, "Alerts"), **found, shown=shown, secret=secret,
                sends_mail=courier.sends_mail)  # fmt: skip


def _read_alerts(conn: ReadConn, account_id: str, now: int) -> dict[str, Any]:
    names = {key.id: key.name for key in keys.list_keys(conn, account_id)}
    rules = store.list_rules(conn, account_id)
    firings = store.list_firings(conn, account_id, limit=FIRINGS)
    figures = look(conn, account_id, tuple(rules), now)
    fires = {rule.id for _, rule in store.list_firings(conn, account_id, limit=1000, only_open=True)}
    targets = store.list_targets(conn, account_id)
    told = {target.person_id for target in targets}
    deliveries = store.list_deliveries(conn, account_id, MESSAGES)
    return {
        "rows": [_row(rule, figures, names, fires=rule.id in fires) for rule in rules],
        "firings": [(firing, said(firing, rule, names)) for firing, rule in firings],
        "targets": targets,
        "members": [each for each in people.members_of(conn, account_id) if each.person_id not in told],
        "messages": [(each, _decoder.decode(each.message)) for each in deliveries],
        "addresses": store.addresses_of(conn, account_id),
        "keys": {key.id: key.name for key in keys.list_keys(conn, account_id) if key.revoked_us is None},
    }


def said(firing: Firing, rule: Rule, key_names: dict[str, str]) -> str:
    """What it said when it fired."""
    key_name = None if rule.key_id is None else key_names.get(rule.key_id, rule.key_id)
    return fired_words(Fire(rule, firing.mark, firing.period, firing.value), key_name)


def _row(rule: Rule, figures: Figures, names: dict[str, str], *, fires: bool) -> Row:
    outlook = figures.account if rule.key_id is None else figures.by_key[rule.key_id]
    key_name = None if rule.key_id is None else names.get(rule.key_id, rule.key_id)
    percent = None
    if rule.kind == "credit_days":
        days = outlook.runway_days
        now = "nothing is spent" if days is None else f"some {days:,} days" if days < 1000 else "years"
    elif rule.kind == "credit_below":
        now = rounded(figures.remaining_nanousd)
    elif rule.kind == "anomaly":
        now = f"{rounded(outlook.today_nanousd)} today, {rounded(outlook.daily_nanousd)} a day before"
    else:
        value = outlook.today_nanousd if rule.kind == "spent_today" else outlook.month_nanousd
        percent = value * PERCENT // rule.amount_nanousd
        now = f"{rounded(value)}, {percent:,} %"
    return Row(rule, KIND_WORDS[rule.kind], rule_words(rule), key_name, now, percent, fires)


ROUTES = (show_alerts, add_alert, remove_alert, add_target, change_target, send_again)
