"""`tollway-gateway stripe …` and what `doctor` says of payments, before a fake Stripe and a real ledger."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.billing import store
from gateway.billing.types import Intent, News
from gateway.cli.show import actor
from gateway.doctor import examine
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn, opened
from gateway.people.store import list_entries
from gateway.people.types import Entry, Lines
from gateway.settings import Settings
from tests.cli.test_cli import Run, as_json, run
from tests.fixtures.stripe import FakeStripe

__all__ = ["run"]
PUBLIC = "https://llm.example.com"
ENDPOINT = f"{PUBLIC}/stripe/webhook"


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStripe]:
    with FakeStripe() as fake:
        for name, value in (("API_KEY", fake.key), ("URL", fake.url)):
            monkeypatch.setenv(f"TOLLWAY_STRIPE_{name}", value)
        monkeypatch.setenv("TOLLWAY_PUBLIC_URL", PUBLIC)
        yield fake


def write(folder: Path, work: Any) -> Any:
    with opened(Settings(data_dir=folder / "data").database) as database:
        return database.write_now(work)


def log(folder: Path, action: str) -> list[Entry]:
    return write(folder, lambda conn: list_entries(conn, Lines(action=action), limit=1000))  # type: ignore[no-any-return]


def frozen(account_id: str, name: str = "inv:inv_1") -> Intent:
    return Intent(id=name, kind="invoice", account_id=account_id, body="{}", created_us=now_us(), due_us=now_us(),
                  begun_us=now_us(), tries=3, frozen_us=now_us(), result="0 cents here, 1 there")  # fmt: skip


def test_sync_plans_then_does_then_has_nothing_to_do(run: Run, stripe: FakeStripe, tmp_path: Path) -> None:
    status, out, err = run("stripe", "sync")
    assert (status, f"+ webhook endpoint {ENDPOINT}" in out, "--apply" in out) == (0, True, True), err
    assert not stripe.of("webhook_endpoint")
    assert not log(tmp_path, "stripe.")
    status, out, _ = run("stripe", "sync", "--apply")
    [secret] = re.findall(r"stripe_webhook_secret = (whsec_\w+)", out)
    [made] = stripe.of("webhook_endpoint").values()
    assert (status, made["url"]) == (0, ENDPOINT)
    portal, line = log(tmp_path, "stripe.")
    assert "+ portal" in (portal.after or "")
    assert (line.actor, line.action) == (actor(), "stripe.sync")
    assert ENDPOINT in (line.after or "")
    assert secret not in (line.after or "")
    before = len(stripe.calls)
    for arguments in ((), ("--apply",)):
        status, out, _ = run("stripe", "sync", *arguments)
        assert (status, "nothing to do" in out, "whsec" in out) == (0, True, False)
    assert {seen.request for seen in stripe.calls[before:]} == {
        "GET /v1/webhook_endpoints",
        "GET /v1/billing_portal/configurations",
    }
    assert len(log(tmp_path, "stripe.")) == 2


def test_sync_of_meters_goes_on_until_nothing_is_missing(
    run: Run, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOLLWAY_STRIPE_SINK", "meters")
    status, out, err = run("stripe", "sync", "--apply")
    assert (status, "+ meter tollway_input_text_" in out) == (0, True), err
    assert "nothing to do" in run("stripe", "sync")[1]
    assert len(log(tmp_path, "stripe.")) == out.count("+ ")


def test_reconcile_says_what_differs_and_fails_for_it(run: Run, stripe: FakeStripe, tmp_path: Path) -> None:
    assert as_json(run, "stripe", "status")["reconciled_at"] is None
    status, out, _ = run("stripe", "reconcile")
    assert (status, out.startswith("everything agrees")) == (0, True)
    account = as_json(run, "accounts", "create", "acme")["id"]
    write(tmp_path, lambda conn: store.insert_intent(conn, frozen(account)))
    status, out, _ = run("stripe", "reconcile")
    assert (status, f"differs  outbox inv:inv_1 of {account}: frozen" in out) == (1, True)
    assert run("stripe", "reconcile", "--json")[0] == 1
    found = as_json(run, "stripe", "status")
    assert (found["mode"], found["differences"], found["outbox_frozen"], found["public_url"]) == (
        "test", 1, 1, PUBLIC,
    )  # fmt: skip
    assert stripe.calls


def test_the_outbox_is_listed_and_tried_again(run: Run, tmp_path: Path) -> None:
    account = as_json(run, "accounts", "create", "acme")["id"]
    assert as_json(run, "stripe", "outbox") == []

    def seed(conn: WriteConn) -> None:
        store.insert_intent(conn, frozen(account))
        store.insert_intent(conn, frozen(account, "inv:inv_2"))
        store.note_intent(conn, "inv:inv_2", "in_1", done_us=now_us())
        store.insert_news(conn, News(event_id="evt_1", type="refund.created", object_id="re_1", created_s=1,
                                     received_us=1, due_us=1))  # fmt: skip

    write(tmp_path, seed)
    assert [(each["id"], each["state"]) for each in as_json(run, "stripe", "outbox")] == [
        ("inv:inv_1", "frozen")
    ]
    assert len(as_json(run, "stripe", "outbox", "--done")) == 2
    assert as_json(run, "stripe", "retry", "inv:inv_1")["state"] == "waiting"
    [line] = log(tmp_path, "outbox.")
    assert (line.actor, line.action, line.target, line.account_id) == (
        actor(),
        "outbox.retry",
        "inv:inv_1",
        account,
    )
    assert "0 cents here" in (line.before or "")
    found = as_json(run, "stripe", "status")
    assert [found[name] for name in ("outbox_waiting", "outbox_frozen", "inbox_unhandled")] == [1, 0, 1]
    assert (found["mode"], found["differences"]) == ("off", None)
    for wrong, says in (("inv:inv_2", "is done: in_1"), ("inv:nothing", "there is no intent")):
        status, _, err = run("stripe", "retry", wrong)
        assert (status, says in err) == (1, True)


def test_without_a_key_the_border_is_not_there(run: Run) -> None:
    for command in ("sync", "reconcile"):
        status, _, err = run("stripe", command)
        assert (status, "`stripe_api_key` is missing" in err) == (1, True)


@pytest.mark.parametrize(
    ("changes", "fine", "says"),
    [
        ({}, True, f"in test mode, and posts to {ENDPOINT}"),
        ({"stripe_api_key": ""}, True, "payments: off"),
        ({"stripe_webhook_secret": ""}, False, "stripe sync --apply` prints it"),
        ({"public_url": ""}, False, "public_url is not set"),
        (
            {"public_url": "https://elsewhere.example"},
            False,
            "does not post to https://elsewhere.example/stripe",
        ),
        ({"stripe_api_key": "sk_test_wrong"}, False, "check stripe_api_key"),
        ({"stripe_url": "http://127.0.0.1:1"}, False, "cannot be reached"),
    ],
)
def test_the_doctor_asks_stripe(
    stripe: FakeStripe, tmp_path: Path, changes: dict[str, str], fine: bool, says: str
) -> None:
    stripe.send_to(ENDPOINT)
    options: Any = {"public_url": PUBLIC, "stripe_api_key": stripe.key, "stripe_url": stripe.url,
                    "stripe_webhook_secret": stripe.webhook_secret, **changes}  # fmt: skip
    settings = Settings(data_dir=tmp_path, embedded=False, mistral_api_key="", **options)
    [found] = [each for each in examine(lambda: settings) if each.what.startswith("payments")]
    assert (found.fine, says in found.what) == (fine, True), found.what
    assert stripe.webhook_secret not in found.what
