"""Every route that may change something is asked to, and the audit log has who did it.  A new one is missing here until it is walked."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from litestar.routes import HTTPRoute

from gateway.api.workers import JOINER
from gateway.app import build
from gateway.people import store
from gateway.people.types import Entry, Lines
from tests.clients.test_sdk_admin import NEXT_PRICES
from tests.dashboard.browsing import PASSWORD, Browser, person, signed_in
from tests.fixtures.running import RunningGateway
from tests.fixtures.scripted import ScriptedWorker

TOKEN = "join-token-of-this-test"
SPARE, JOINED = "http://127.0.0.1:9", "http://127.0.0.1:10"
ACCOUNT, OPERATOR = "/dashboard/accounts/{account_id}", "/dashboard/operator"

NOTHING_CHANGES = {
    ("POST", "/v1/tokenize"): "counts",
    ("POST", "/v1/estimate"): "counts",
    ("POST", "/dashboard/accounts/{}/playground/estimate"): "counts",
    (
        "POST",
        "/dashboard/sign-in/mail",
    ): "says the same whoever is known; the link is the mailer's, and the session that it opens is logged",
}
"""Unsafe by their method alone.  What is metered (chat, FIM, embeddings) is written down as usage events instead."""


class Step(msgspec.Struct, frozen=True):
    """One request, by whom, and what the log says then.  `{name}` is filled in from what is known by then."""

    who: str
    method: str
    path: str
    action: str
    body: dict[str, Any] = {}
    learns: str = ""
    """What the answer's `id` is called from then on."""


LIMITS = {
    "requests_per_minute": "5",
    "input_tokens_per_minute": "",
    "output_tokens_per_minute": "",
    "concurrency": "",
}
"""A page's form has every field."""

STEPS = [
    Step("admin", "POST", "/admin/v1/accounts", "account.open", {"name": "acme", "grant_usd": "2"}, "account_id"),
    Step("admin", "POST", "/admin/v1/accounts/{account_id}/grants", "account.grant", {"amount_usd": "1"}),
    Step("admin", "PUT", "/admin/v1/accounts/{account_id}/credit_limit", "account.limit", {"credit_limit_usd": "3"}),
    Step("admin", "PATCH", "/admin/v1/accounts/{account_id}/limits", "account.limits", {"concurrency": 9}),
    Step("admin", "POST", "/admin/v1/keys", "key.create", {"account": "acme", "manages_keys": True}, "manager"),
    Step("admin", "PATCH", "/admin/v1/keys/{manager}", "key.change", {"cap_day_usd": "1"}),
    Step("admin", "PATCH", "/admin/v1/keys/{manager}/limits", "key.limits", {"concurrency": 8}),
    Step("admin", "POST", "/admin/v1/keys/{manager}/rotate", "key.rotate", learns="manager"),
    Step("customer", "POST", "/v1/keys", "key.create", {"name": "theirs"}, "key_id"),
    Step("customer", "PATCH", "/v1/keys/{key_id}", "key.change", {"name": "still theirs"}),
    Step("customer", "PATCH", "/v1/keys/{key_id}/limits", "key.limits", {"concurrency": 7}),
    Step("customer", "POST", "/v1/keys/{key_id}/rotate", "key.rotate"),
    Step("customer", "DELETE", "/v1/keys/{key_id}", "key.revoke"),
    Step("customer", "POST", "/v1/projects", "project.create", {"name": "search"}, "project_id"),
    Step("customer", "PATCH", "/v1/projects/{project_id}", "project.change", {"cap_month_usd": "5"}),
    Step("admin", "POST", "/admin/v1/projects", "project.create", {"account": "acme", "name": "lab"}),
    Step("admin", "PATCH", "/admin/v1/projects/{project_id}", "project.change", {"archived": True}),
    Step("admin", "DELETE", "/admin/v1/keys/{manager}", "key.revoke"),
    Step("admin", "POST", "/admin/v1/prices", "prices.publish", {"toml": NEXT_PRICES}),
    Step("admin", "POST", "/admin/v1/workers", "worker.add", {"url": SPARE}),
    Step("admin", "PATCH", "/admin/v1/workers", "worker.change", {"name": SPARE, "weight": 3}),
    Step("admin", "DELETE", f"/admin/v1/workers?name={SPARE}", "worker.remove"),
    Step("joiner", "PUT", "/join/v1/worker", "worker.add", {"url": JOINED}),
    Step("joiner", "DELETE", f"/join/v1/worker?url={JOINED}", "worker.remove"),
    Step("owner", "POST", f"{ACCOUNT}/keys", "key.create", {"name": "from a page"}),
    Step("owner", "POST", f"{ACCOUNT}/keys/{{page_key}}/caps", "key.change", {"name": "capped", "cap_day": "1"}),
    Step("owner", "POST", f"{ACCOUNT}/keys/{{page_key}}/limits", "key.limits", LIMITS),
    Step("owner", "POST", f"{ACCOUNT}/keys/{{page_key}}/rotate", "key.rotate"),
    Step("owner", "POST", f"{ACCOUNT}/members", "member.invite", {"email": "new@example.com", "role": "viewer"}),
    Step("owner", "POST", f"{ACCOUNT}/members/{{member}}", "member.change", {"role": "billing"}),
    Step("operator", "POST", f"{OPERATOR}/accounts", "account.open", {"name": "another"}),
    Step("operator", "POST", f"{OPERATOR}/accounts/{{account_id}}/grants", "account.grant", {"amount": "1"}),
    Step("operator", "POST", f"{OPERATOR}/accounts/{{account_id}}/limits", "account.limits", LIMITS),
    Step("operator", "POST", f"{OPERATOR}/workers", "worker.change", {"name": "{worker}", "cordoned": "yes"}),
    Step("operator", "POST", "/dashboard/password", "password.change", {"password": PASSWORD, "again": PASSWORD}),
    Step("operator", "POST", "/dashboard/sessions", "session.end"),
    Step("operator", "POST", "/dashboard/sign-out", "session.end"),
    Step("nobody", "POST", "/dashboard/sign-in", "session.begin", {"email": "op@example.com", "password": PASSWORD}),
    Step("nobody", "POST", "/dashboard/link/{link}", "session.begin"),
]  # fmt: skip


class Walk:
    """Everybody who may change something."""

    def __init__(self, gateway: RunningGateway, worker: ScriptedWorker) -> None:
        self.gateway = gateway
        gateway.account("other")
        self.known = {"worker": worker.url}
        self.secrets = {"admin": gateway.operator(), "joiner": TOKEN}
        self.people: dict[str, Browser] = {
            "operator": signed_in(gateway, "op@example.com", operator=True),
            "nobody": Browser(gateway),
        }

    def take(self, step: Step) -> Entry:
        """What the log says of it."""
        last = max((entry.id for entry in self.log()), default="")
        answer = self._ask(step)
        assert answer.status_code < 400, (step.path, answer.text[:500])
        if step.who in self.secrets and "key" in answer.json():
            self.secrets["customer"] = (
                answer.json()["key"] if step.learns == "manager" else self.secrets["customer"]
            )
        if step.learns:
            self.known[step.learns] = answer.json()["id"]
        written = [entry for entry in self.log() if entry.id > last]
        assert step.action in {entry.action for entry in written}, (
            f"{step.method} {step.path} left no line {step.action} in the log: {written}"
        )
        return next(entry for entry in written if entry.action == step.action)

    def log(self) -> list[Entry]:
        return self.gateway.database.read_now(lambda conn: store.list_entries(conn, Lines(), limit=1000))

    def _ask(self, step: Step) -> httpx.Response:
        path = step.path.format(**self.known)
        body = {
            name: value.format(**self.known) if name == "name" else value for name, value in step.body.items()
        }
        if step.who in self.secrets:
            with self.gateway.api(self.secrets[step.who]) as api:
                return api.request(step.method, path, json=body or None)
        browser = self.people[step.who]
        csrf = "" if step.who == "nobody" else csrf_of(browser)
        return browser.post(path, data={"csrf": csrf, **body} if csrf else body)  # fmt: skip


def csrf_of(browser: Browser) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', browser.page("/dashboard/sessions"))
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def walk(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    with RunningGateway(folder, worker.url, join_token=TOKEN) as gateway:
        made = Walk(gateway, worker)
        yield made
        for browser in made.people.values():
            browser.close()


def unsafe(gateway: RunningGateway) -> set[tuple[str, str]]:
    found = set()
    for route in build(gateway.settings).routes:
        if isinstance(route, HTTPRoute):
            path = re.sub(r"{(\w+)(:\w+)?}", "{}", route.path_format)
            found |= {(method, path) for method in route.methods - {"GET", "HEAD", "OPTIONS"}}
    return found


def test_every_change_is_in_the_log(walk: Walk) -> None:
    actors: dict[str, Callable[[], str]] = {
        "admin": lambda: "key:", "customer": lambda: f"key:{walk.known['manager']} default",
        "joiner": lambda: JOINER, "owner": lambda: "owner@example.com", "operator": lambda: "op@example.com",
        "nobody": lambda: "",
    }  # fmt: skip
    for step in STEPS:
        _prepare(walk, step)
        line = walk.take(step)
        assert line.actor.startswith(actors[step.who]()), (step.path, line.actor)
        assert (
            line.before is not None
            or line.after is not None
            or step.action in {"session.end", "password.change"}
        )
        if "{account_id}" in step.path or step.who in ("owner", "customer"):
            assert line.account_id == walk.known["account_id"], step.path
    text = "\n".join(f"{each.before} {each.after}" for each in walk.log())
    assert not [secret for secret in walk.secrets.values() if secret in text]
    assert "hash" not in text
    assert PASSWORD not in text


def _prepare(walk: Walk, step: Step) -> None:
    """What a step needs that no other step makes."""
    gateway, known = walk.gateway, walk.known
    if step.who == "owner" and "owner" not in walk.people:
        walk.people["owner"] = signed_in(gateway, "owner@example.com", acme="owner")
    if "{page_key}" in step.path and "page_key" not in known:
        with gateway.api(walk.secrets["admin"]) as admin:
            keys = admin.get("/admin/v1/keys").json()["data"]
        [known["page_key"]] = [each["id"] for each in keys if each["name"] == "from a page"]
    if "{member}" in step.path:
        found = gateway.database.read_now(lambda conn: store.find_person(conn, "new@example.com"))
        assert found is not None
        known["member"] = found.id
    if "{link}" in step.path:
        known["link"] = person(gateway, "linked@example.com", other="viewer").rpartition("/")[2]


def test_no_unsafe_route_is_forgotten(walk: Walk) -> None:
    walked = {(step.method, re.sub(r"{\w+}|\bcaps$", "{}", step.path).partition("?")[0]) for step in STEPS}
    forgotten = unsafe(walk.gateway) - walked - set(NOTHING_CHANGES)
    assert not forgotten, (
        f"does the log say who did it?  Add a Step, or say in NOTHING_CHANGES why not: {forgotten}"
    )
    assert set(NOTHING_CHANGES) <= unsafe(walk.gateway)


def test_what_changes_nothing_says_nothing(walk: Walk, tmp_path: Path) -> None:
    assert tmp_path
    with walk.gateway.api(TOKEN) as joiner:
        joiner.put("/join/v1/worker", json={"url": JOINED})
        before = walk.log()
        assert joiner.put("/join/v1/worker", json={"url": JOINED}).status_code == 200, "a heartbeat"
        assert joiner.put("/join/v1/worker", json={"url": "nonsense"}).status_code == 400
    with walk.gateway.api(walk.secrets["admin"]) as admin:
        assert admin.delete(f"/admin/v1/keys/{walk.known['manager']}").status_code == 200, "revoked already"
        assert admin.patch(f"/admin/v1/keys/{walk.known['manager']}", json={}).status_code == 200
        same = {"credit_limit_usd": "3"}
        assert (
            admin.put(f"/admin/v1/accounts/{walk.known['account_id']}/credit_limit", json=same).status_code
            == 200
        )
        assert admin.post("/admin/v1/prices", json={"toml": NEXT_PRICES}).status_code == 201
        assert admin.post("/admin/v1/accounts/nobody/grants", json={"amount_usd": "1"}).status_code == 404
    assert walk.log() == before


def test_the_log_can_be_asked(walk: Walk) -> None:
    with walk.gateway.api(walk.secrets["admin"]) as admin:
        ask = lambda **asked: admin.get("/admin/v1/log", params=asked).json()  # noqa: E731
        of_keys = ask(action="key.", account="acme")["data"]
        assert {line["action"] for line in of_keys} == {
            "key.create",
            "key.change",
            "key.limits",
            "key.rotate",
            "key.revoke",
        }
        assert [line["id"] for line in of_keys] == sorted((line["id"] for line in of_keys), reverse=True)
        assert {line["account_id"] for line in of_keys} == {walk.known["account_id"]}
        assert {line["actor"] for line in ask(actor="owner@")["data"]} == {"owner@example.com"}
        [renamed] = ask(action="key.change", actor=f"key:{walk.known['manager']}")["data"]
        assert (renamed["before"], renamed["after"]) == ({"name": "theirs"}, {"name": "still theirs"})
        first = ask(limit=2)
        second = ask(limit=2, after=first["last_id"])
        assert first["has_more"]
        assert [*first["data"], *second["data"]] == ask(limit=4)["data"]
        assert ask(target=SPARE)["data"][0]["action"] == "worker.remove"
        assert ask(actor="%")["data"] == ask(until="2020-01-01T00:00:00Z")["data"] == []
        assert ask(since="2020-01-01T00:00:00Z", limit=1000)["data"] == ask(limit=1000)["data"]
        assert admin.get("/admin/v1/log", params={"account": "nobody"}).status_code == 404
        assert admin.get("/admin/v1/log", params={"since": "lately"}).status_code == 400


def test_the_operators_page_of_the_log(walk: Walk) -> None:
    with signed_in(walk.gateway, "reader@example.com", operator=True) as reader:
        body = lambda **asked: reader.get("/dashboard/operator/log", params=asked).text.split("<tbody>")[1]  # noqa: E731
        assert "account.limit" in body(account="acme", action="account.")
        assert "<del>$0.00</del> <ins>$3.00</ins>" in body(account="acme", action="account.limit")
        assert "worker.add" not in body(action="key.")
        assert "owner@example.com" in body(actor="owner@")
        assert "Nothing was changed" in body(until="2020-01-01")
        today = body(since="2026-01-01", until="2099-12-31")
        assert "session.begin" in today
        for wrong in ({"since": "lately"}, {"until": "9999-12-31"}, {"account": "nobody"}):
            assert reader.get("/dashboard/operator/log", params=wrong).status_code in {400, 404}, wrong
