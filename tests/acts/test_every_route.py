"""Every route that may change something is asked to, and the audit log has who did it.  A new one is missing here until it is walked."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from litestar.routes import HTTPRoute

from gateway.alerts import store as alerts
from gateway.api.workers import JOINER
from gateway.app import build
from gateway.kit.db import WriteConn
from gateway.kit.ids import new_id
from gateway.people import store
from gateway.people.types import Entry, Lines
from tests.acts.steps import JOINED, SPARE, STEPS, Step
from tests.clients.test_sdk_admin import NEXT_PRICES
from tests.dashboard.browsing import PASSWORD, Browser, person, signed_in
from tests.fixtures.paid import paid_gateway, save_card, stick, suspend_for
from tests.fixtures.running import RunningGateway
from tests.fixtures.scripted import ScriptedWorker

TOKEN = "join-token-of-this-test"
NOTHING_CHANGES = {
    ("POST", "/v1/tokenize"): "counts",
    ("POST", "/v1/estimate"): "counts",
    ("POST", "/dashboard/accounts/{}/playground/estimate"): "counts",
    ("POST", "/dashboard/operator/prices/try"): "counts",
    ("POST", "/dashboard/accounts/{}/billing/portal"): "leads to a page of Stripe's",
    ("POST", "/dashboard/operator/payments/reconcile"): "compares",
    ("POST", "/admin/v1/stripe/reconcile"): "compares",
    ("POST", "/stripe/webhook"): "nobody does it; what it leads to is rows of payments/ and invoices/",
    (
        "POST",
        "/dashboard/sign-in/mail",
    ): "says the same whoever is known; the link is the mailer's, and the session that it opens is logged",
}
"""Unsafe by their method alone.  What is metered (chat, FIM, embeddings) is written down as usage events instead."""


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
    with paid_gateway(folder, worker.url, join_token=TOKEN) as (gateway, _):
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
    if "/alerts/" in step.path:
        known |= gateway.database.write_now(lambda conn: _alerts(conn, known["account_id"]))
    if step.action == "auto_top_up.set":
        save_card(gateway, known["account_id"])
    if step.action == "outbox.retry":
        known["intent"] = stick(gateway, known["account_id"], f"inv:{new_id('inv')}")
    if step.action == "account.lift":
        known["because_of"] = suspend_for(gateway, known["account_id"], new_id("dp"))
    if "{link}" in step.path:
        known["link"] = person(gateway, "linked@example.com", other="viewer").rpartition("/")[2]


def _alerts(conn: WriteConn, account_id: str) -> dict[str, str]:
    """The ids of what alerts there are; a message was given up."""
    found = {"test": "test"}
    for rule in alerts.list_rules(conn, account_id):
        found["rule"] = rule.id
    for target in alerts.list_targets(conn, account_id):
        found["target"] = target.id
        alerts.give_up_all(conn, target.id, "for a test", 1)
    for message in alerts.list_deliveries(conn, account_id, 1):
        found["message"] = message.id
    return found


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
