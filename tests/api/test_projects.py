"""Projects over HTTP: a customer's own, an operator's, their budgets, and usage by project."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.fixtures.running import RunningGateway, chat

Name = Callable[[], str]
PATH, ASK = "/v1/chat/completions", chat("ok")


class Customer:
    """An account with a key that manages the others and projects, and one that does not."""

    def __init__(self, gateway: RunningGateway, name: str) -> None:
        self.name = name
        self.plain = gateway.api(gateway.account(name))
        self.admin = gateway.api(gateway.operator())
        self.boss = made(self.admin.post("/admin/v1/keys", json={"account": name, "manages_keys": True}))
        self.manager = gateway.api(self.boss["key"])

    def key(self, **fields: Any) -> dict[str, Any]:
        return made(self.manager.post("/v1/keys", json=fields))

    def project(self, name: str, **fields: Any) -> dict[str, Any]:
        return made(self.manager.post("/v1/projects", json={"name": name, **fields}))

    def close(self) -> None:
        for client in (self.plain, self.manager, self.admin):
            client.close()


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


@pytest.fixture
def customer(gateway: RunningGateway, fresh: Name) -> Iterator[Customer]:
    opened = Customer(gateway, fresh())
    yield opened
    opened.close()


def test_from_its_making_to_its_archive(customer: Customer) -> None:
    project = customer.project("search", cap_month_usd="50")
    assert project == {
        "id": project["id"], "account_id": customer.boss["account_id"], "name": "search",
        "created_at": project["created_at"], "archived_at": None, "cap_day_usd": None,
        "cap_month_usd": "50.000000000", "cap_total_usd": None, "spent_day_usd": "0.000000000",
        "spent_month_usd": "0.000000000", "spent_total_usd": "0.000000000",
    }  # fmt: skip
    assert customer.plain.get("/v1/projects").json()["data"] == [project]
    key, path = customer.key(project="search"), f"/v1/projects/{project['id']}"
    assert key["project_id"] == project["id"]
    refused = customer.manager.patch(path, json={"archived": True})
    assert (refused.status_code, refused.json()["error"]["param"]) == (409, "archived")
    moved = customer.manager.patch(f"/v1/keys/{key['id']}", json={"project": None})
    assert moved.json()["project_id"] is None
    archived = customer.manager.patch(
        path, json={"archived": True, "name": "old search", "cap_month_usd": None}
    )
    assert archived.json() == {
        **project, "archived_at": archived.json()["archived_at"], "name": "old search", "cap_month_usd": None,
    }  # fmt: skip
    assert archived.json()["archived_at"] is not None
    assert customer.manager.post("/v1/keys", json={"project": "old search"}).status_code == 409
    assert customer.manager.patch(path, json={"archived": False}).json()["archived_at"] is None


def test_a_budget_stops_all_its_keys_together_and_says_when_it_begins_anew(
    gateway: RunningGateway, customer: Customer
) -> None:
    project = customer.project("search", cap_day_usd="0.00004")
    secrets = [customer.key(project="search")["key"] for _ in range(2)]
    seen = []
    with gateway.api(secrets[0]) as one, gateway.api(secrets[1]) as other:
        for turn in range(100):
            answer = (one, other)[turn % 2].post(PATH, json=ASK)
            seen.append(answer.status_code)
            if answer.status_code == 402:
                break
        error = answer.json()["error"]
        assert set(seen[:-1]) == {200}
        assert len(seen) > 2
        assert (error["code"], error["project_id"], error["window"]) == (
            "project_cap_reached",
            project["id"],
            "day",
        )
        assert error["cap_nanousd"] == 40_000
        assert error["resets_at"].endswith("T00:00:00.000000Z")
        assert "budget per day" in error["message"]
        assert customer.plain.post(PATH, json=ASK).status_code == 200, "the account has plenty"
        customer.manager.patch(f"/v1/projects/{project['id']}", json={"cap_day_usd": "1"})
        assert other.post(PATH, json=ASK).status_code == 200
    (shown,) = customer.plain.get("/v1/projects").json()["data"]
    rows = customer.plain.get("/v1/usage", params={"group_by": "project"}).json()["data"]
    assert [(row["group"], row["project_name"]) for row in rows] == [("", None), (project["id"], "search")]
    assert shown["spent_day_usd"] == shown["spent_total_usd"] == rows[1]["cost_usd"]
    assert rows[0]["requests"] == 1


def test_usage_stays_where_it_was_spent(gateway: RunningGateway, customer: Customer) -> None:
    first, second = customer.project("first"), customer.project("second")
    key = customer.key(project="first")
    with gateway.api(key["key"]) as api:
        sent = api.post(PATH, json=ASK).headers["x-request-id"]
        customer.manager.patch(f"/v1/keys/{key['id']}", json={"project": second["id"]})
        for _ in range(2):
            assert api.post(PATH, json=ASK).status_code == 200
        assert api.get(f"/v1/receipts/{sent}").json()["project_id"] == first["id"]
        assert [row["project_id"] for row in api.get("/v1/receipts").json()["data"]] == [
            second["id"], second["id"], first["id"],
        ]  # fmt: skip
        (row,) = api.get("/v1/receipts", params={"project_id": first["id"]}).json()["data"]
        assert row["request_id"] == sent
        (sums,) = api.get("/v1/usage", params={"project_id": second["id"]}).json()["data"]
        assert (sums["key_id"], sums["requests"]) == (key["id"], 2)
        page = api.get("/v1/usage", params={"group_by": "project", "limit": 1}).json()
        assert (page["has_more"], page["data"][0]["project_name"]) == (True, "first")
        rest = api.get("/v1/usage", params={"group_by": "project", "after": page["last_id"]}).json()
        assert [each["project_name"] for each in rest["data"]] == ["second"]
    everybody = {"group_by": "project", "account": customer.name}
    found = customer.admin.get("/admin/v1/usage", params=everybody).json()["data"]
    assert [(each["project_id"], each["requests"]) for each in found] == [(first["id"], 1), (second["id"], 2)]
    assert customer.admin.get("/admin/v1/audit").json()["differences"] == []


def test_what_operators_do(customer: Customer) -> None:
    project = made(customer.admin.post("/admin/v1/projects", json={"account": customer.name, "name": "lab"}))
    assert customer.admin.post(
        "/admin/v1/projects", json={"account": customer.name, "name": "lab"}
    ).status_code == 409  # fmt: skip
    listed = customer.admin.get("/admin/v1/projects", params={"account": customer.name}).json()["data"]
    assert listed == [project]
    assert project in customer.admin.get("/admin/v1/projects").json()["data"]
    path = f"/admin/v1/projects/{project['id']}"
    assert customer.admin.patch(path, json={"cap_total_usd": "0"}).json()["cap_total_usd"] == "0.000000000"
    key = made(customer.admin.post("/admin/v1/keys", json={"account": customer.name, "project": "lab"}))
    assert key["project_id"] == project["id"]
    moved = customer.admin.patch(f"/admin/v1/keys/{key['id']}", json={"project": None}).json()
    assert moved["project_id"] is None
    for missing in ("/admin/v1/projects/prj_none", "/admin/v1/projects/lab"):
        assert customer.admin.patch(missing, json={"name": "x"}).status_code == 404


def test_only_a_key_that_manages_keys_changes_projects(customer: Customer) -> None:
    project = customer.project("search")
    for refused in (
        customer.plain.post("/v1/projects", json={"name": "mine"}),
        customer.plain.patch(f"/v1/projects/{project['id']}", json={"name": "mine"}),
    ):
        assert refused.status_code == 403
        assert "manages-keys" in refused.json()["error"]["message"]
    assert customer.plain.get("/v1/projects").json()["data"] == [project]
    assert customer.admin.get("/v1/projects").status_code == 403


def test_another_accounts_project_is_as_if_it_were_not(
    gateway: RunningGateway, customer: Customer, fresh: Name
) -> None:
    stranger = Customer(gateway, fresh())
    theirs = stranger.project("secret")
    for answer in (
        customer.manager.patch(f"/v1/projects/{theirs['id']}", json={"name": "mine"}),
        customer.manager.post("/v1/keys", json={"project": theirs["id"]}),
        customer.manager.patch(f"/v1/keys/{customer.boss['id']}", json={"project": theirs["id"]}),
    ):
        unknown = answer.json()["error"]["message"].replace(theirs["id"], "prj_none")
        assert answer.status_code == 404
        assert unknown == "there is no project 'prj_none'; the list of projects says which there are"
    assert customer.plain.get("/v1/usage", params={"project_id": theirs["id"]}).json()["data"] == []
    stranger.close()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": " "}, "name"),
        ({"name": "x", "cap_day_usd": "-1"}, "cap_day_usd"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_what_makes_no_project(customer: Customer, body: dict[str, Any], param: str) -> None:
    answer = customer.manager.post("/v1/projects", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
