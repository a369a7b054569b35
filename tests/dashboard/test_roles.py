"""Every route of the dashboard, asked by every role: what each may see and do, and that nobody reaches into another account."""

import re
from collections.abc import Iterator

import pytest
from litestar.routes import HTTPRoute

from gateway.app import build
from gateway.people.roles import ROLES, Action, Role
from tests.dashboard.browsing import Browser, signed_in
from tests.fixtures.paid import invoiced
from tests.fixtures.running import RunningGateway

SEES: dict[str, Action | None] = {
    "": "see_usage", "/usage": "see_usage", "/usage.csv": "see_usage", "/requests": "see_usage",
    "/requests/{request_id}": "see_usage", "/start": "see_usage", "/keys": "see_keys", "/projects": "see_keys",
    "/keys/{key_id}": "see_keys", "/limits": "see_usage", "/billing": "see_billing",
    "/playground": "manage_keys", "/playground/bill/{request_id}": "manage_keys", "/billing/{month}": "see_billing", "/members": "manage_members", "/log": "manage_members",
    "/alerts": "manage_alerts", "/billing/invoices/{invoice_id}": "see_billing",
}  # fmt: skip
CHANGES: dict[str, Action] = {
    "/keys": "manage_keys", "/keys/{key_id}/{act}": "manage_keys", "/keys/{key_id}/rotate": "manage_keys",
    "/keys/{key_id}/may": "manage_keys",
    "/keys/{key_id}/limits": "manage_keys",
    "/projects": "manage_keys", "/projects/{project_id}/{act}": "manage_keys",
    "/members": "manage_members",
    "/members/{person_id}": "manage_members",
    "/alerts": "manage_alerts", "/alerts/rules/{rule_id}": "manage_alerts", "/alerts/targets": "manage_alerts",
    "/alerts/targets/{target_id}/{act}": "manage_alerts", "/alerts/messages/{message_id}": "manage_alerts",
    "/billing/top_ups": "manage_billing", "/billing/auto": "manage_billing", "/billing/portal": "manage_billing",
}  # fmt: skip
MAY: dict[Action, set[Role]] = {
    "see_usage": {"owner", "admin", "developer", "billing", "viewer"},
    "see_keys": {"owner", "admin", "developer", "viewer"},
    "manage_keys": {"owner", "admin", "developer"},
    "see_billing": {"owner", "admin", "billing"},
    "manage_billing": {"owner", "admin", "billing"},
    "manage_alerts": {"owner", "admin", "billing"},
    "manage_members": {"owner", "admin"},
}
"""Said here once more, so that a change of the roles is a decision."""
NAMED = ("/members/", "/alerts/rules/", "/alerts/targets/", "/alerts/messages/")
"""Routes to things that are not there."""
ACCOUNT = "/dashboard/accounts/{account_id}"
BY_SCRIPT = {ACCOUNT + "/playground/estimate"}
"""What a page's own script sends: tests/dashboard/test_playground.py walks the roles there."""
OWN = {"/dashboard/sessions", "/dashboard/sign-out", "/dashboard/password"}
OPEN = {
    "/dashboard/sign-in",
    "/dashboard/sign-in/mail",
    "/dashboard/sign-in/oidc",
    "/dashboard/sign-in/oidc/callback",
    "/dashboard/link/{secret}",
    "/dashboard/static/{name}",
}


class House:
    """Two accounts; in the first there is somebody of every role, and the second is a stranger's."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        key = gateway.account("house")
        gateway.account("elsewhere")
        with gateway.api(key) as api:
            body = {
                "model": "magistral-small-2509",
                "messages": [{"role": "user", "content": "ok"}],
                "max_tokens": 9,
            }
            self.request_id = api.post("/v1/chat/completions", json=body).headers["x-request-id"]
        gateway.settled_up("house")
        self.account_id = gateway.balance("house").account_id
        self.elsewhere = gateway.balance("elsewhere").account_id
        with gateway.api(gateway.operator()) as api:
            keys = api.get("/admin/v1/keys").json()["data"]
            made = api.post("/admin/v1/projects", json={"account": "house", "name": "inner"})
            self.project_id = made.json()["id"]
        self.invoice_id = invoiced(gateway, self.account_id, "2026-10")
        [self.key_id] = [each["id"] for each in keys if each["account_id"] == self.account_id]
        self.people: dict[str, Browser] = {
            role: signed_in(gateway, f"{role}@example.com", house=role) for role in ROLES
        }
        self.people["stranger"] = signed_in(gateway, "stranger@example.com", elsewhere="owner")
        self.people["operator"] = signed_in(gateway, "operator@example.com", operator=True)

    def address(self, path: str) -> str:
        names = {"account_id": self.account_id, "request_id": self.request_id, "month": "2026-11", "key_id": self.key_id,
                 "act": "nonsense", "person_id": "per_nobody", "project_id": "prj_none",
                 "rule_id": "alr_none", "target_id": "tgt_none", "message_id": "msg_none",
                 "invoice_id": self.invoice_id, "intent_id": "inv:none", "because_of": "dp_none"}  # fmt: skip
        return re.sub(r"{(\w+)}", lambda found: names[found[1]], path)

    def csrf(self, who: str) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.people[who].page("/dashboard/sessions"))
        assert found is not None
        return found[1]


@pytest.fixture(scope="module")
def house(gateway: RunningGateway) -> Iterator[House]:
    opened = House(gateway)
    yield opened
    for browser in opened.people.values():
        browser.close()


def routes(gateway: RunningGateway) -> set[tuple[str, str]]:
    """Of pages: method and path."""
    found = set()
    for route in build(gateway.settings).routes:
        path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path_format) if isinstance(route, HTTPRoute) else ""
        path = re.sub(r"{(\w+)(:\w+)?}", r"{\1}", path)
        if isinstance(route, HTTPRoute) and route.path.startswith("/dashboard"):
            found |= {(method, path) for method in route.methods - {"OPTIONS"}}
    return found


def test_no_route_is_forgotten(gateway: RunningGateway) -> None:
    known = {("GET", ACCOUNT + path) for path in SEES} | {("POST", ACCOUNT + path) for path in CHANGES}
    for method, path in routes(gateway) - known:
        assert path.startswith("/dashboard/operator") or path in OWN | OPEN | BY_SCRIPT | {"/dashboard"}, (
            f"{method} {path}: who may?"
        )
    assert known <= routes(gateway)


def test_without_a_session_there_is_nothing(house: House, gateway: RunningGateway) -> None:
    with Browser(gateway) as nobody:
        for method, path in routes(gateway):
            if path in OPEN:
                continue
            answer = nobody.request(method, house.address(path))
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith("/dashboard/sign-in?next=%2Fdashboard")


@pytest.mark.parametrize("role", [*ROLES, "stranger", "operator"])
def test_what_a_role_sees(house: House, role: str) -> None:
    for path, action in SEES.items():
        assert action is not None
        status = house.people[role].get(house.address(ACCOUNT + path)).status_code
        assert status == expected(role, action, 200), (role, path)


@pytest.mark.parametrize("role", [*ROLES, "stranger", "operator"])
def test_what_a_role_changes(house: House, role: str) -> None:
    """With an empty form: who may gets as far as being told what is missing."""
    for path, action in CHANGES.items():
        form = {"csrf": house.csrf(role)}
        status = house.people[role].post(house.address(ACCOUNT + path), data=form).status_code
        missing = (
            501
            if path == "/billing/portal"
            else 404
            if path.startswith(NAMED)
            else 200
            if path.endswith("/rotate")
            else 400
        )
        assert status in {expected(role, action, missing), 400 if expected(role, action, 0) == 0 else 0}, (
            role,
            path,
        )


def expected(role: str, action: Action, done: int) -> int:
    if role == "operator" or role in MAY[action]:
        return done
    return 404 if role == "stranger" else 403


def test_every_form_needs_its_token(house: House, gateway: RunningGateway) -> None:
    for method, path in routes(gateway):
        if method == "POST" and path not in OPEN:
            answer = house.people["operator"].post(house.address(path), data={})
            assert answer.status_code == 403, path
            assert "reload it" in answer.text


def test_operators_pages_are_nobody_elses(house: House, gateway: RunningGateway) -> None:
    pages = [(method, path) for method, path in routes(gateway) if path.startswith("/dashboard/operator")]
    assert len(pages) > 7
    for method, path in pages:
        for role in ("owner", "stranger"):
            form = {"csrf": house.csrf(role)} if method == "POST" else None
            answer = house.people[role].request(method, house.address(path), data=form)
            assert answer.status_code == 404, (role, path)
        if method == "GET":
            assert house.people["operator"].get(house.address(path)).status_code == 200, path


def test_another_accounts_things_are_as_if_they_were_not(house: House) -> None:
    """A member of one account, with an id of another's key, request or member in the address of their own."""
    stranger, base = house.people["stranger"], f"/dashboard/accounts/{house.elsewhere}"
    theirs = stranger.get(f"{base}/requests/{house.request_id}")
    unknown = stranger.get(f"{base}/requests/req_unknown")
    assert theirs.status_code == unknown.status_code == 404
    form = {"csrf": house.csrf("stranger"), "name": "mine now"}
    for act in ("revoke", "rotate", "caps"):
        assert stranger.post(f"{base}/keys/{house.key_id}/{act}", data=form).status_code == 404
    assert stranger.post(f"{base}/projects/{house.project_id}/caps", data=form).status_code == 404
    assert stranger.get(f"{base}/billing/invoices/{house.invoice_id}").status_code == 404
    assert house.key_id not in stranger.page(f"{base}/usage?key_id={house.key_id}").split("<tbody>")[1]
    assert "house" not in stranger.page(f"{base}/requests?after=")
    assert stranger.get(f"{base}/requests?after={house.request_id}").status_code == 400
    assert stranger.get("/dashboard/accounts/house").status_code == 404, "a name is no address"
