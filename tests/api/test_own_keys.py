"""Keys over HTTP: a customer's own, and what an operator gives."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.fixtures.running import RunningGateway, chat

Name = Callable[[], str]


class Customer:
    """An account with a key that manages the others, and one that does not."""

    def __init__(self, gateway: RunningGateway, name: str) -> None:
        self.name = name
        self.plain = gateway.api(gateway.account(name))
        self.admin = gateway.api(gateway.operator())
        made = self.admin.post("/admin/v1/keys", json={"account": name, "name": "boss", "manages_keys": True})
        self.boss = made.json()
        self.manager = gateway.api(self.boss["key"])
        (self.plain_id,) = [key["id"] for key in self.listed() if key["name"] == name]

    def listed(self) -> list[dict[str, Any]]:
        return self.plain.get("/v1/keys").json()["data"]  # type: ignore[no-any-return]

    def close(self) -> None:
        for client in (self.plain, self.manager, self.admin):
            client.close()


@pytest.fixture
def customer(gateway: RunningGateway, fresh: Name) -> Iterator[Customer]:
    opened = Customer(gateway, fresh())
    yield opened
    opened.close()


def status(gateway: RunningGateway, secret: str) -> int:
    with gateway.api(secret) as client:
        return client.post("/v1/chat/completions", json=chat("ok")).status_code


def test_from_its_making_to_its_end(gateway: RunningGateway, customer: Customer) -> None:
    caps = {"cap_day_usd": "0.5", "cap_month_usd": None}
    made = customer.manager.post("/v1/keys", json={"name": "laptop", **caps})
    assert made.status_code == 201
    key = made.json()
    assert key["key"].startswith("tw_")
    assert (key["name"], key["cap_day_usd"], key["cap_month_usd"]) == ("laptop", "0.500000000", None)
    assert (key["account_id"], key["manages_keys"]) == (customer.boss["account_id"], False)
    assert status(gateway, key["key"]) == 200

    path = f"/v1/keys/{key['id']}"
    changed = customer.manager.patch(path, json={"name": "desk", "cap_day_usd": None, "cap_total_usd": "1"})
    assert changed.json() == {
        **{name: value for name, value in key.items() if name != "key"},
        "name": "desk",
        "cap_day_usd": None,
        "cap_total_usd": "1.000000000",
    }

    rotated = customer.manager.post(f"{path}/rotate").json()
    assert rotated == {**changed.json(), "key": rotated["key"], "hint": rotated["hint"]}
    assert rotated["key"] != key["key"]
    assert status(gateway, key["key"]) == 401
    assert status(gateway, rotated["key"]) == 200

    assert customer.manager.delete(path).json()["revoked_at"]
    assert status(gateway, rotated["key"]) == 401
    assert customer.manager.post(f"{path}/rotate").status_code == 409
    assert [each["name"] for each in customer.listed()] == [customer.name, "boss", "desk"]
    assert not any("key" in each for each in customer.listed())


def test_what_was_spent_stays_with_a_rotated_key(gateway: RunningGateway, customer: Customer) -> None:
    cost = customer.plain.post("/v1/chat/completions", json=chat("ok")).json()["usage"]["cost_nanousd"]
    rotated = customer.plain.post(f"/v1/keys/{customer.plain_id}/rotate").json()
    customer.admin.patch(f"/admin/v1/keys/{customer.plain_id}", json={"cap_total_usd": f"{cost / 10**9:.9f}"})
    assert status(gateway, rotated["key"]) == 402
    (row,) = customer.manager.get("/v1/usage").json()["data"]
    assert (row["key_id"], row["cost_nanousd"]) == (customer.plain_id, cost)


def test_without_the_right_it_says_how_to_get_it(customer: Customer) -> None:
    boss = f"/v1/keys/{customer.boss['id']}"
    for method, path, body in (
        ("POST", "/v1/keys", {"name": "x"}),
        ("PATCH", boss, {"name": "x"}),
        ("DELETE", boss, None),
        ("POST", f"{boss}/rotate", None),
    ):
        refused = customer.plain.request(method, path, json=body)
        assert refused.status_code == 403, path
        assert refused.json()["type"] == "permission_error"
        assert "--manages-keys" in refused.json()["message"]
    assert len(customer.listed()) == 2


def test_only_operators_give_the_right(customer: Customer) -> None:
    refused = customer.manager.post("/v1/keys", json={"name": "twin", "manages_keys": True})
    assert refused.status_code == 400
    assert "manages_keys" in refused.json()["message"]
    path = f"/v1/keys/{customer.plain_id}"
    assert customer.manager.patch(path, json={"manages_keys": True}).status_code == 400
    assert customer.plain.post("/v1/keys", json={}).status_code == 403
    given = customer.admin.patch(f"/admin/v1{path[3:]}", json={"manages_keys": True, "name": "second"})
    assert (given.json()["manages_keys"], given.json()["name"]) == (True, "second")
    assert customer.plain.post("/v1/keys", json={}).status_code == 201, "at once"
    assert customer.manager.post(f"{path}/rotate").status_code == 403, "a manager's secret is its own"
    customer.admin.patch(f"/admin/v1{path[3:]}", json={"manages_keys": False})
    assert customer.plain.post("/v1/keys", json={}).status_code == 403


def test_another_accounts_key_is_like_none(gateway: RunningGateway, customer: Customer, fresh: Name) -> None:
    stranger = Customer(gateway, fresh())
    for method, end, body in (("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/rotate", None)):
        answers = []
        for key_id in (stranger.plain_id, "key_none"):
            refused = customer.manager.request(method, f"/v1/keys/{key_id}{end}", json=body)
            assert refused.status_code == 404
            said = refused.json()["error"]
            answers.append({**said, "request_id": "", "message": said["message"].replace(key_id, "ID")})
        assert answers[0] == answers[1]
    assert stranger.plain_id not in [key["id"] for key in customer.listed()]
    assert stranger.plain.get("/v1/keys").status_code == 200
    stranger.close()


def test_an_operator_rotates_any_key(gateway: RunningGateway, customer: Customer) -> None:
    path = f"/admin/v1/keys/{customer.plain_id}/rotate"
    rotated = customer.admin.post(path).json()
    assert rotated["id"] == customer.plain_id
    assert status(gateway, rotated["key"]) == 200
    assert customer.plain.get("/v1/keys").status_code == 401
    assert customer.admin.post("/admin/v1/keys/key_none/rotate").status_code == 404
    assert customer.manager.post(path).status_code == 403


def test_an_operator_has_no_own_keys(customer: Customer) -> None:
    assert customer.admin.get("/v1/keys").status_code == 403
    assert customer.admin.post("/v1/keys", json={}).status_code == 403


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 5}, None),
        ({"cap_day_usd": "-1"}, "cap_day_usd"),
        ({"cap_month_usd": "much"}, "cap_month_usd"),
        ({"cap_total_usd": 5}, None),
        ({"policy": "local-only"}, None),
        ([], None),
    ],
)
def test_mistakes_are_explained(customer: Customer, body: Any, param: str | None) -> None:
    made = customer.manager.post("/v1/keys", json=body)
    changed = customer.manager.patch(f"/v1/keys/{customer.plain_id}", json=body)
    for refused in (made, changed):
        assert refused.status_code == 400, refused.text
        assert len(refused.json()["message"]) > 10
        if param:
            assert refused.json()["param"] == param
    assert len(customer.listed()) == 2


def test_no_body_is_a_mistake(customer: Customer) -> None:
    answer: httpx.Response = customer.manager.post("/v1/keys")
    assert answer.status_code == 400
    assert answer.json()["object"] == "error"
