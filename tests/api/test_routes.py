"""Every route is authenticated unless listed, customers see only their own, and operators have their part."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.api.edge import OPERATOR_PREFIXES, UNAUTHENTICATED_ROUTES, is_page
from gateway.api.scopes import NEEDS
from gateway.app import build
from gateway.billing.border import WEBHOOK_PATH
from tests.fixtures.running import RunningGateway, chat

Name = Callable[[], str]


def routes(gateway: RunningGateway) -> list[tuple[str, str]]:
    """Every method and path that the application answers, with something in place of parameters."""
    found = []
    for route in build(gateway.settings).routes:
        path = "/".join("x" if part.startswith("{") else part for part in route.path_format.split("/"))
        if is_page(path):
            continue  # they have sessions: tests/dashboard/test_roles.py walks them
        methods = getattr(route, "methods", {"POST"})
        found += [(method, path) for method in sorted(methods)]
    assert len(found) > 15
    return found


def test_every_route_needs_a_key_unless_listed(gateway: RunningGateway) -> None:
    with httpx.Client(base_url=gateway.url, trust_env=False) as nobody:
        for method, path in routes(gateway):
            answer = nobody.request(method, path)
            if path == WEBHOOK_PATH and method == "POST":
                assert answer.json()["code"] == "not_set_up", (
                    "signed, not keyed: tests/billing/test_webhooks.py"
                )
            elif path in UNAUTHENTICATED_ROUTES:
                assert answer.status_code < 400, path
            else:
                assert answer.status_code == 401, f"{method} {path} answered {answer.status_code} to nobody"
                assert answer.json()["code"] == "missing_api_key"
                assert answer.headers["x-request-id"]


def test_the_operators_part_is_the_operators(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as customer:
        for method, path in routes(gateway):
            if path.startswith(OPERATOR_PREFIXES):
                assert customer.request(method, path).status_code == 403, f"{method} {path}"


def test_every_route_of_an_account_says_which_scope_opens_it(gateway: RunningGateway) -> None:
    """Who is not in the list is refused, so a new route is not forgotten for long; this says where its line belongs."""
    own = {
        route.path_format for route in build(gateway.settings).routes if route.path_format.startswith("/v1/")
    }
    assert own == set(NEEDS), "gateway/api/scopes.py has a line for each route below /v1"


def test_a_customer_sees_nobody_elses_receipt(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as mine, gateway.api(gateway.account(fresh())) as theirs:
        request_id = mine.post("/v1/chat/completions", json=chat("ok")).headers["x-request-id"]
        assert mine.get(f"/v1/receipts/{request_id}").status_code == 200
        stranger = theirs.get(f"/v1/receipts/{request_id}")
        nonsense = theirs.get("/v1/receipts/req_0")
        assert stranger.status_code == nonsense.status_code == 404
        assert theirs.get("/v1/usage").json()["data"] == []


def test_an_operator_opens_accounts_grants_credit_and_makes_keys(
    gateway: RunningGateway, fresh: Name
) -> None:
    name = fresh()
    with gateway.api(gateway.operator()) as admin:
        assert admin.post("/admin/v1/accounts", json={"name": name, "grant_usd": "0.5"}).status_code == 201
        assert admin.post("/admin/v1/accounts", json={"name": name}).status_code == 409
        grant = admin.post(
            f"/admin/v1/accounts/{name}/grants", json={"amount_usd": "1.25", "reason": "thanks"}
        )
        assert grant.json()["amount_nanousd"] == 1_250_000_000
        made = admin.post("/admin/v1/keys", json={"account": name}).json()
        credit = admin.get(f"/admin/v1/accounts/{name}/credits").json()
        assert credit["available_usd"] == "1.750000000"
        assert name in [account["name"] for account in admin.get("/admin/v1/accounts").json()["data"]]
        signed_up = admin.post("/admin/v1/accounts", json={"name": fresh()}).json()
        assert (
            admin.get(f"/admin/v1/accounts/{signed_up['id']}/credits").json()["granted_usd"] == "6.000000000"
        )
    with gateway.api(made["key"]) as customer:
        assert customer.get("/v1/credits").json()["available_nanousd"] == 1_750_000_000


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/admin/v1/accounts", {"name": ""}, 400),
        ("/admin/v1/accounts", {"name": "x", "grant_usd": "much"}, 400),
        ("/admin/v1/accounts", {"name": "x", "grant_usd": "-1"}, 400),
        ("/admin/v1/accounts", {"nam": "x"}, 400),
        ("/admin/v1/accounts", [], 400),
        ("/admin/v1/accounts/nobody/grants", {"amount_usd": "1"}, 404),
        ("/admin/v1/accounts/nobody/grants", {"amount_usd": "1", "kind": "gift"}, 400),
        ("/admin/v1/keys", {"account": "nobody"}, 404),
    ],
)
def test_an_operators_mistakes_are_explained(
    gateway: RunningGateway, path: str, body: Any, status: int
) -> None:
    with gateway.api(gateway.operator()) as admin:
        answer = admin.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert len(answer.json()["error"]["message"]) > 10


def test_an_operator_has_no_account_of_its_own(gateway: RunningGateway) -> None:
    with gateway.api(gateway.operator()) as admin:
        assert admin.get("/v1/credits").status_code == 403


def test_usage_can_be_narrowed(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        api.post("/v1/chat/completions", json=chat("ok"))
        usage = lambda **params: api.get("/v1/usage", params=params)  # noqa: E731
        assert (
            usage(since="2020-01-01T00:00:00Z", until="2100-01-01T00:00:00Z").json()["data"][0]["requests"]
            == 1
        )
        assert usage(until="2020-01-01T00:00:00Z").json()["data"] == []
        assert usage(group_by="model").json()["data"][0]["model"] == "magistral-small-2509"
        assert len(usage(group_by="day").json()["data"][0]["day"]) == 10
        for wrong in ({"since": "yesterday"}, {"since": "2020-01-01T00:00:00"}, {"group_by": "mood"}):
            assert usage(**wrong).status_code == 400


def test_models_by_alias_and_unknown(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        assert api.get("/v1/models/magistral-small-latest").json()["id"] == "magistral-small-2509"
        assert api.get("/v1/models/mistralai/Magistral-Small-2509").json()["id"] == "magistral-small-2509"
        assert api.get("/v1/models/gpt-9").status_code == 404
        assert api.get("/v1/models/smollm2-135m").status_code == 404, "priced, but nobody serves it here"


def test_health(gateway: RunningGateway) -> None:
    with httpx.Client(base_url=gateway.url, trust_env=False) as nobody:
        assert nobody.get("/healthz").json() == {"status": "ok"}
        assert nobody.get("/readyz").json() == {"status": "ready"}
