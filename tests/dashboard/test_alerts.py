"""The page of alerts: from a rule to a message that a program and a member received."""

import re
from collections.abc import Callable, Iterator

import pytest
import tollway

from tests.dashboard.browsing import Browser, signed_in
from tests.fixtures.postbox import Postbox
from tests.fixtures.receiver import Receiver, status
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]


@pytest.fixture(scope="module")
def postbox() -> Iterator[Postbox]:
    with Postbox() as running:
        yield running


@pytest.fixture(scope="module")
def alerting(
    worker: ScriptedWorker, postbox: Postbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    options = {"webhook_private_targets": True, "smtp_url": postbox.url, "mail_from": "Tollway <t@example.com>",
               "public_url": "https://gw.example"}  # fmt: skip
    with RunningGateway(tmp_path_factory.mktemp("data"), worker.url, **options) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def test_from_a_rule_to_a_message(
    alerting: RunningGateway, receiver: Receiver, postbox: Postbox, fresh: Name
) -> None:
    name = fresh()
    key = alerting.account(name)
    alerts = f"/dashboard/accounts/{alerting.balance(name).account_id}/alerts"
    with signed_in(alerting, f"{name}@example.com", **{name: "owner"}) as owner:
        assert "Nothing is watched yet." in owner.page(alerts)
        made = owner.fill(alerts, f"{alerts}/targets", person_id=member(owner, alerts))
        assert made.status_code == 200
        hooked = owner.post(f"{alerts}/targets", data={"csrf": csrf(owner, alerts), "url": receiver.url})
        [secret] = re.findall(r'id="secret">(whsec_[^<]+)<', hooked.text)
        assert secret not in owner.page(alerts), "once"
        assert add(owner, alerts, kind="spent_today", amount="0.000001", marks="50, 100").status_code == 303
        assert add(owner, alerts, kind="credit_days", marks="7").status_code == 303
        with alerting.api(key) as api:
            assert api.post("/v1/chat/completions", json=chat("ok")).status_code == 200
        eventually(lambda: receiver.received, "a program is told", timeout_s=10)
        [came] = receiver.received
        event = tollway.webhooks.verify(came.body, came.headers, secret)
        assert (event.type, event.data["rule"], event.data["account_name"]) == (
            "alert.fired",
            "spent_today",
            name,
        )
        assert name in postbox.last_to(f"{name}@example.com")["subject"]
        eventually(lambda: owner.page(alerts).count(">delivered<") == 2, "the page says so")
        page = owner.page(alerts)
        assert 'class="state bad">fires<' in page
        overview = owner.page(alerts.removesuffix("/alerts"))
        assert "which reaches $0.000001" in overview.replace("\n", " ")
        [first, _] = re.findall(rf'action="({alerts}/rules/\w+)"', page)
        assert owner.fill(alerts, first).status_code == 303
        assert owner.fill(alerts, first).status_code == 404 if first in owner.page(alerts) else True
        log = owner.page(alerts.replace("/alerts", "/log"))
        assert all(action in log for action in ("alert.add", "alert.remove", "alert_target.add"))
        assert secret not in log


def test_a_program_that_fails_is_shown_and_told_again(
    alerting: RunningGateway, receiver: Receiver, fresh: Name
) -> None:
    name = fresh()
    alerting.account(name)
    alerts = f"/dashboard/accounts/{alerting.balance(name).account_id}/alerts"
    receiver.answers = [status(500), status(410)]
    with signed_in(alerting, f"{name}@example.com", **{name: "billing"}) as owner:
        form = {"csrf": csrf(owner, alerts)}
        for bad in ("ftp://x/", "nonsense", ""):
            assert owner.post(f"{alerts}/targets", data={**form, "url": bad}).status_code == 400
        assert owner.post(f"{alerts}/targets", data={**form, "url": receiver.url}).status_code == 200
        [test] = re.findall(rf'action="({alerts}/targets/\w+/test)"', owner.page(alerts))
        assert owner.fill(alerts, test).status_code == 303
        eventually(lambda: "it answered 500" in owner.page(alerts), "the page says why")
        assert owner.fill(alerts, test).status_code == 409, "not too many"
        eventually(lambda: "given up" in owner.page(alerts), "it wants no more", timeout_s=15)
        assert "stopped" in owner.page(alerts)
        assert owner.fill(alerts, test.replace("/test", "/resume")).status_code == 303
        turned = owner.fill(alerts, test.replace("/test", "/rotate"))
        assert "For a day messages are signed with the old one as well" in turned.text
        again = re.findall(rf'action="({alerts}/messages/\w+)"', owner.page(alerts))[0]
        assert owner.fill(alerts, again).status_code == 303
        eventually(lambda: ">delivered<" in owner.page(alerts), "it arrives at last")
        assert owner.fill(alerts, test.replace("/test", "/remove")).status_code == 303
        assert "Nobody yet" in owner.page(alerts)
        assert owner.post(test.replace("/test", "/nonsense"), data=form).status_code == 404
        wrong = add(owner, alerts, kind="spent_today", amount="a lot", marks="100")
        assert (wrong.status_code, "the amount" in wrong.text) == (400, True)


def test_another_accounts_alerts_are_as_if_they_were_not(
    alerting: RunningGateway, receiver: Receiver, fresh: Name
) -> None:
    mine, theirs = fresh(), fresh()
    for name in (mine, theirs):
        alerting.account(name)
    ours, others = (
        f"/dashboard/accounts/{alerting.balance(name).account_id}/alerts" for name in (mine, theirs)
    )
    with signed_in(alerting, f"{mine}@example.com", **{mine: "owner"}) as me, \
         signed_in(alerting, f"{theirs}@example.com", **{theirs: "owner"}) as them:  # fmt: skip
        add(them, others, kind="credit_days", marks="7")
        them.post(f"{others}/targets", data={"csrf": csrf(them, others), "url": receiver.url})
        page = them.page(others)
        form = {"csrf": csrf(me, ours)}
        for action in re.findall(rf'action="{others}(/(?:rules|targets)/[^"]+)"', page):
            assert me.post(f"{ours}{action}", data=form).status_code == 404
            assert me.post(f"{others}{action}", data=form).status_code == 404
        assert them.page(others).count("<tr>") == page.count("<tr>")
        person = re.findall(r'option value="(per_\w+)"', page)[0]
        assert me.post(f"{ours}/targets", data={**form, "person_id": person}).status_code == 400


def csrf(browser: Browser, page: str) -> str:
    return re.findall(r'name="csrf" value="(\w+)"', browser.page(page))[0]


def member(browser: Browser, page: str) -> str:
    return re.findall(r'option value="(per_\w+)"', browser.page(page))[0]


def add(browser: Browser, page: str, **fields: str):  # type: ignore[no-untyped-def]
    return browser.post(page, data={"csrf": csrf(browser, page), **fields})
