"""Paying through the API: top-ups, the rule of automatic ones, invoices; who may; and what operators do at the border to Stripe."""

from collections.abc import Iterator

import httpx
import pytest

from gateway.accounts.store import list_suspensions
from gateway.keys.create import create_key
from gateway.keys.types import DATA_SCOPES, IMPLIED_SCOPES, DataScope
from gateway.payments import store as payments
from gateway.start import key_secret
from tests.dashboard.browsing import signed_in
from tests.dashboard.test_payments import send
from tests.fixtures.paid import Paid, invoiced, paid_by_card, paid_gateway, save_card, stick, suspend_for
from tests.fixtures.running import RunningGateway, eventually
from tests.fixtures.scripted import ScriptedWorker

RULE = {"below_usd": "5", "amount_usd": "20", "daily_max_usd": "100.00"}


class Customer:
    """An account with three keys: one that may pay, one that has no list of scopes, and one that reads."""

    def __init__(self, gateway: RunningGateway, name: str) -> None:
        gateway.account(name)
        self.gateway = gateway
        self.name = name
        self.id = gateway.balance(name).account_id
        self.payer = self.api(self.key(("payments", "usage:read")))
        self.plain = self.api(self.key(None))
        self.reader = self.api(self.key(("usage:read",)))

    def key(self, scopes: tuple[DataScope, ...] | None, *, manages_keys: bool = False) -> str:
        secret = key_secret(self.gateway.settings)
        return self.gateway.database.write_now(
            lambda conn: create_key(conn, kind="account", account_id=self.id, name="k", key_secret=secret,
                                    caps={"scopes": scopes}, manages_keys=manages_keys)
        )[1]  # fmt: skip

    def api(self, key: str) -> httpx.Client:
        return self.gateway.api(key)

    def close(self) -> None:
        for each in (self.payer, self.plain, self.reader):
            each.close()


@pytest.fixture(scope="module")
def paid(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    with paid_gateway(tmp_path_factory.mktemp("paid"), worker.url) as made:
        yield made


@pytest.fixture
def customer(paid: Paid, request: pytest.FixtureRequest) -> Iterator[Customer]:
    made = Customer(paid[0], request.node.name)
    yield made
    made.close()


@pytest.fixture
def operator(paid: Paid) -> Iterator[httpx.Client]:
    with paid[0].api(paid[0].operator()) as api:
        yield api


def test_a_top_up_from_the_order_to_the_credit(paid: Paid, customer: Customer) -> None:
    _, stripe = paid
    answer = customer.payer.post("/v1/top_ups", json={"amount_usd": "12.50"})
    ordered = answer.json()
    assert answer.status_code == 201
    assert (ordered["state"], ordered["amount_usd"], ordered["kind"], ordered["paid_at"]) == (
        "waiting", "12.500000000", "checkout", None,
    )  # fmt: skip
    session = list(stripe.of("checkout.session").values())[-1]
    assert (ordered["url"], ordered["id"]) == (session["url"], session["client_reference_id"])
    stripe.complete(session["id"])

    def state() -> str:
        [found] = customer.reader.get("/v1/top_ups").json()["data"]
        return str(found["state"])

    eventually(lambda: state() == "paid", "it is booked")
    assert customer.plain.get("/v1/credits").json()["remaining_usd"] == "13.500000000"
    assert customer.payer.get("/v1/top_ups", params={"limit": 0}).status_code == 400


@pytest.mark.parametrize("amount", ["4.99", "10000.01", "10.005", "0", "many", "-5"])
def test_no_such_amount(paid: Paid, customer: Customer, amount: str) -> None:
    before = len(paid[1].calls)
    refused = customer.payer.post("/v1/top_ups", json={"amount_usd": amount})
    assert (refused.status_code, refused.json()["param"] in {"amount", "amount_usd"}) == (400, True)
    assert len(paid[1].calls) == before


def test_automatic_top_ups(customer: Customer) -> None:
    payer, reader = customer.payer, customer.reader
    assert reader.get("/v1/auto_top_up").status_code == 404
    refused = payer.put("/v1/auto_top_up", json=RULE)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_saved_card")
    save_card(customer.gateway, customer.id)
    for wrong in (
        {"below_usd": "0"},
        {"amount_usd": "1"},
        {"daily_max_usd": "19"},
        {"daily_max_usd": "20.001"},
    ):
        assert payer.put("/v1/auto_top_up", json={**RULE, **wrong}).status_code == 400, wrong
    rule = payer.put("/v1/auto_top_up", json={**RULE, "below_usd": "0.5"}).json()
    assert (rule["below_usd"], rule["amount_usd"], rule["daily_max_usd"], rule["paused_why"]) == (
        "0.500000000", "20.000000000", "100.000000000", None,
    )  # fmt: skip
    assert rule["by"].startswith("key:")
    customer.gateway.database.write_now(
        lambda conn: payments.pause_auto_top_up(conn, customer.id, "declined")
    )
    assert reader.get("/v1/auto_top_up").json()["paused_why"] == "declined"
    assert payer.put("/v1/auto_top_up", json={**RULE, "below_usd": "0.5"}).json()["paused_why"] is None
    assert [payer.delete("/v1/auto_top_up").json() for _ in range(2)] == [{"removed": True}] * 2
    assert reader.get("/v1/auto_top_up").status_code == 404


def test_a_card_is_charged_only_by_a_key_that_was_given_that(paid: Paid, customer: Customer) -> None:
    _, stripe = paid
    save_card(customer.gateway, customer.id)
    manager = customer.api(customer.key(None, manages_keys=True))
    before = len(stripe.calls)
    for who in (customer.plain, customer.reader, manager):
        for refused in (who.post("/v1/top_ups", json={"amount_usd": "10"}), who.put("/v1/auto_top_up", json=RULE),
                        who.delete("/v1/auto_top_up")):  # fmt: skip
            assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
            assert "payments" in refused.json()["message"]
    assert len(stripe.calls) == before
    chats = customer.api(customer.key(("chat",)))
    assert chats.get("/v1/top_ups").status_code == chats.get("/v1/invoices").status_code == 403
    for api in (manager, chats):
        api.close()


def test_a_key_that_manages_keys_comes_by_no_card(customer: Customer) -> None:
    """Neither does it make a key that may pay, nor learn the secret of one, unless it may itself."""
    scopes = [*DATA_SCOPES]
    payer = next(
        each["id"] for each in customer.plain.get("/v1/keys").json()["data"] if "payments" in each["scopes"]
    )
    with customer.api(customer.key(None, manages_keys=True)) as manager:
        made = manager.post("/v1/keys", json={"name": "plain"}).json()
        assert made["scopes"] == [*IMPLIED_SCOPES]
        for refused in (
            manager.post("/v1/keys", json={"name": "rich", "scopes": scopes}),
            manager.patch(f"/v1/keys/{made['id']}", json={"scopes": scopes}),
            manager.post(f"/v1/keys/{payer}/rotate"),
        ):
            assert (refused.status_code, "payments" in refused.json()["message"]) == (403, True)
        assert manager.patch(f"/v1/keys/{payer}", json={"name": "still may"}).status_code == 200
    with customer.api(customer.key((*IMPLIED_SCOPES, "payments"), manages_keys=True)) as rich:
        assert "payments" in rich.post("/v1/keys", json={"name": "rich", "scopes": scopes}).json()["scopes"]
        assert rich.post(f"/v1/keys/{payer}/rotate").status_code == 200


def test_an_operators_key_has_no_card(operator: httpx.Client) -> None:
    assert operator.post("/v1/top_ups", json={"amount_usd": "10"}).status_code == 403
    assert operator.get("/v1/invoices").status_code == 403


def test_invoices_and_their_lines(paid: Paid, customer: Customer, operator: httpx.Client) -> None:
    gateway, _ = paid
    ids = [invoiced(gateway, customer.id, f"2026-{month:02}", state=None, sent=False) for month in (7, 8)]
    ids.append(invoiced(gateway, customer.id, "2026-09", state="paid"))
    first = customer.reader.get("/v1/invoices", params={"limit": 2}).json()
    rest = customer.reader.get("/v1/invoices", params={"limit": 2, "after": first["last_id"]}).json()
    assert [each["id"] for each in (*first["data"], *rest["data"])] == ids[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    newest, middle = first["data"]
    assert (newest["state"], newest["number"], middle["state"], middle["url"]) == (
        "paid",
        "ACME-2026-09",
        "pending",
        None,
    )
    found = customer.plain.get(f"/v1/invoices/{ids[-1]}").json()
    assert {name: found[name] for name in newest} == newest
    lines = found["lines"]
    assert sum(line["amount_nanousd"] for line in lines) == found["total_nanousd"]
    assert sum(line["cost_nanousd"] for line in lines) == found["owed_nanousd"]
    assert found["total_nanousd"] - found["owed_nanousd"] == found["rounding_nanousd"]
    assert [line["kind"] for line in lines] == ["usage", "usage", "credit"]
    assert "61,728,394 tokens" in lines[0]["description"]
    stranger = Customer(gateway, "stranger-of-invoices")
    for path, params in ((f"/v1/invoices/{ids[0]}", {}), ("/v1/invoices", {"after": ids[0]})):
        assert stranger.reader.get(path, params=params).status_code == 404
    stranger.close()
    own = operator.get("/admin/v1/invoices", params={"account": customer.name}).json()["data"]
    assert [each["id"] for each in own] == ids[::-1]
    assert {each["id"] for each in operator.get("/admin/v1/invoices").json()["data"]} >= set(ids)
    assert operator.get("/admin/v1/invoices", params={"account": "nobody"}).status_code == 404
    assert customer.reader.get("/admin/v1/invoices").status_code == 403


def test_the_border_as_operators_see_it(paid: Paid, customer: Customer, operator: httpx.Client) -> None:
    gateway, stripe = paid
    intent = stick(gateway, customer.id, f"inv:inv_{customer.id[-12:]}")
    for because_of in ("dp_1", "dp_2"):
        suspend_for(gateway, customer.id, because_of)
    paid_by_card(gateway, customer.id, 2_000, "unknown")
    found = operator.post("/admin/v1/stripe/reconcile").json()
    assert {each["name"] for each in found["differences"]} >= {intent, "pi_unknown"}
    border = operator.get("/admin/v1/stripe").json()
    assert (border["mode"], border["report"]["differences"]) == ("test", found["differences"])
    assert (
        border["outbox_frozen"] == len([each for each in border["outbox"] if each["state"] == "frozen"]) == 1
    )
    assert {each["because_of"] for each in border["suspensions"]} >= {"dp_1", "dp_2"}
    with customer.api(customer.key(("chat",))) as chats:
        body = {
            "model": "magistral-small-2509",
            "messages": [{"role": "user", "content": "ok"}],
            "max_tokens": 4,
        }
        eventually(
            lambda: chats.post("/v1/chat/completions", json=body).status_code == 403, "it is suspended"
        )
        rest = operator.delete(f"/admin/v1/accounts/{customer.name}/suspensions/dp_1").json()["data"]
        assert [each["because_of"] for each in rest] == ["dp_2"]
        assert operator.delete(f"/admin/v1/accounts/{customer.id}/suspensions/dp_2").json()["data"] == []
        eventually(
            lambda: chats.post("/v1/chat/completions", json=body).status_code == 200, "it is served again"
        )
    assert operator.delete(f"/admin/v1/accounts/{customer.id}/suspensions/dp_2").status_code == 404
    assert gateway.database.read_now(lambda conn: list_suspensions(conn, customer.id)) == []
    assert operator.post(f"/admin/v1/stripe/outbox/{intent}/retry").json()["state"] == "waiting"
    assert operator.post("/admin/v1/stripe/outbox/nothing/retry").status_code == 404
    stripe.down(hours=1)
    assert operator.post("/admin/v1/stripe/reconcile").status_code == 503
    stripe.heal()


def test_without_stripe(gateway: RunningGateway) -> None:
    customer = Customer(gateway, "penniless")
    assert customer.payer.post("/v1/top_ups", json={"amount_usd": "10"}).status_code == 501
    assert customer.payer.put("/v1/auto_top_up", json=RULE).json()["code"] == "not_set_up"
    assert customer.reader.get("/v1/top_ups").json()["data"] == []
    assert customer.reader.get("/v1/invoices").json()["data"] == []
    with gateway.api(gateway.operator()) as operator:
        border = operator.get("/admin/v1/stripe").json()
        assert (border["mode"], border["report"], border["outbox"]) == ("off", None, [])
        assert operator.post("/admin/v1/stripe/reconcile").status_code == 501
    customer.close()


def test_a_page_gives_the_scope_only_to_who_may_pay(paid: Paid, customer: Customer) -> None:
    gateway, _ = paid
    every = {f"scope:{scope}": "on" for scope in DATA_SCOPES}
    listed = {each["id"]: each["scopes"] for each in customer.plain.get("/v1/keys").json()["data"]}
    payer = next(name for name, scopes in listed.items() if "payments" in scopes)
    other = next(name for name, scopes in listed.items() if scopes == [*IMPLIED_SCOPES])
    base = f"/dashboard/accounts/{customer.id}/keys"
    people = {
        role: signed_in(gateway, f"{role}@keys.example", **{customer.name: role})
        for role in ("owner", "developer")
    }
    assert send(people["developer"], f"{base}/{other}/may", **every).status_code == 403
    assert send(people["developer"], f"{base}/{payer}/rotate").status_code == 403
    assert send(people["developer"], f"{base}/{payer}/caps", name="fine").status_code == 303
    assert send(people["owner"], f"{base}/{other}/may", **every).status_code == 303
    assert send(people["owner"], f"{base}/{payer}/rotate").status_code == 200
    for browser in people.values():
        browser.close()
