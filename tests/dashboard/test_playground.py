"""The playground: who may ask, who pays, what a stop costs; and in a real browser, with a real model, that what it says is the receipt's."""

import base64
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from gateway.kit.money import format_usd, parse_usd
from gateway.people.roles import ROLES
from tests.clients.conftest import real
from tests.dashboard.browsing import Browser, person, signed_in
from tests.dashboard.test_journey import Visitor, chromium
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker
from tests.tokens.pictures import encoded

__all__ = ["chromium", "real"]
Name = Callable[[], str]


@pytest.fixture
def name(gateway: RunningGateway, fresh: Name) -> str:
    found = fresh()
    gateway.account(found)
    return found


@pytest.fixture
def developer(gateway: RunningGateway, name: str) -> Iterator[Browser]:
    with signed_in(gateway, f"{name}@example.com", **{name: "developer"}) as browser:
        yield browser


def at(gateway: RunningGateway, name: str) -> str:
    return f"/dashboard/accounts/{gateway.balance(name).account_id}/playground"


def ask_at(gateway: RunningGateway, name: str) -> str:
    return f"/dashboard/playground/ask?account_id={gateway.balance(name).account_id}"


def token(browser: Browser) -> dict[str, str]:
    found = re.search(r'name="csrf" value="(\w+)"', browser.page("/dashboard/sessions"))
    assert found is not None
    return {"x-csrf": found[1]}


def test_the_account_pays_under_a_key_of_whoever_asks(
    gateway: RunningGateway, developer: Browser, name: str
) -> None:
    where, sent = at(gateway, name), token(developer)
    for _ in range(2):
        answer = developer.post(ask_at(gateway, name), json=chat("ok tokens=5"), headers=sent)
        assert answer.status_code == 200, answer.text
    event = gateway.event(answer.headers["x-request-id"])
    assert event.cost_nanousd == answer.json()["usage"]["cost_nanousd"] > 0
    bill = developer.get(f"{where}/bill/{event.request_id}").json()
    assert (bill["cost_usd"], bill["outcome"]) == (format_usd(event.cost_nanousd), "completed")
    with gateway.api(gateway.operator()) as admin:
        keys = admin.get("/admin/v1/keys").json()["data"]
    [key] = [key for key in keys if key["name"] == f"playground, {name}@example.com"]
    assert key["id"] == event.key_id, "both times"


def test_a_cap_of_its_key_counts(gateway: RunningGateway, developer: Browser, name: str) -> None:
    sent = token(developer)
    asked = developer.post(ask_at(gateway, name), json=chat("ok"), headers=sent)
    key_id = gateway.event(asked.headers["x-request-id"]).key_id
    with gateway.api(gateway.operator()) as admin:
        admin.patch(f"/admin/v1/keys/{key_id}", json={"cap_total_usd": "0"})
        assert developer.post(ask_at(gateway, name), json=chat("ok"), headers=sent).status_code == 402
        admin.delete(f"/admin/v1/keys/{key_id}")
    again = developer.post(ask_at(gateway, name), json=chat("ok"), headers=sent)
    assert gateway.event(again.headers["x-request-id"]).key_id != key_id, "revoked for good: another one"


def test_stopping_mid_way_bills_what_was_written(
    gateway: RunningGateway, developer: Browser, name: str
) -> None:
    body = chat("ok tokens=500 delay=0.01 prompt=10", stream=True, max_tokens=500)
    where, sent = at(gateway, name), token(developer)
    with developer.stream("POST", ask_at(gateway, name), json=body, headers=sent) as answer:
        lines = (line for line in answer.iter_lines() if '"content":"tok "' in line)
        for _ in range(5):
            next(lines)
        request_id = answer.headers["x-request-id"]
    event = gateway.event(request_id)
    assert event.outcome == "client_gone"
    assert 5 <= event.output_tokens < 100
    bill = developer.get(f"{where}/bill/{request_id}").json()
    assert bill["cost_nanousd"] == event.cost_nanousd > 0
    assert gateway.settled_up(name).settled_nanousd == event.cost_nanousd


def test_an_estimate_is_v1s(gateway: RunningGateway, developer: Browser, name: str) -> None:
    answer = developer.post(f"{at(gateway, name)}/estimate", json=chat("hello"), headers=token(developer))
    estimate = answer.json()
    assert estimate["cost_max_nanousd"] == estimate["prompt_tokens"] * 200 + 50 * 600
    wrong = developer.post(
        f"{at(gateway, name)}/estimate", json=chat("x", model="gpt-9"), headers=token(developer)
    )
    assert wrong.status_code == 404
    assert "gpt-9" in wrong.json()["error"]["message"]


@pytest.mark.parametrize("role", [*ROLES, "stranger"])
def test_who_may_ask(gateway: RunningGateway, fresh: Name, role: str) -> None:
    home, elsewhere = fresh(), fresh()
    gateway.account(home)
    gateway.account(elsewhere)
    places = {elsewhere: "owner"} if role == "stranger" else {home: role}
    expected = 404 if role == "stranger" else 200 if role in ("owner", "admin", "developer") else 403
    with signed_in(gateway, f"{home}@example.com", **places) as browser:
        for path in (ask_at(gateway, home), f"{at(gateway, home)}/estimate"):
            asked = browser.post(path, json=chat("ok"), headers=token(browser))
            assert asked.status_code == expected, path
        bill = browser.get(f"{at(gateway, home)}/bill/req_none")
        assert bill.status_code == expected
        assert expected != 200 or bill.json() is None


def test_only_this_page_may_send(gateway: RunningGateway, developer: Browser, name: str) -> None:
    where = at(gateway, name)
    for path in (ask_at(gateway, name), f"{where}/estimate"):
        assert developer.post(path, json=chat("ok")).status_code == 403
        forged = {**token(developer), "origin": "https://elsewhere.example"}
        assert developer.post(path, json=chat("ok"), headers=forged).status_code == 403
        with Browser(gateway) as nobody:
            assert nobody.post(path, json=chat("ok")).status_code == 303
    assert developer.get(ask_at(gateway, name)).status_code == 405
    assert gateway.settled_up(name).settled_nanousd == 0


def _stopped(page: Page) -> int:
    """Stops an answer in its middle; how many ended by themselves before that: a small model may tell a short story."""
    for ended in range(5):
        try:
            page.get_by_text("tokens so far, about").wait_for(timeout=3_000)
            page.get_by_role("button", name="Stop").click(timeout=1_000)
            page.get_by_text("Stopped: $").wait_for(timeout=3_000)
        except PlaywrightTimeout:
            page.get_by_label("Message").fill("Longer, with many more chapters.")
            page.get_by_role("button", name="Send").click()
        else:
            return ended
    raise AssertionError("five stories were too short to be stopped")


def test_in_a_browser_the_cost_is_the_receipts(chromium: Chromium, real: RunningGateway) -> None:
    real.account("play")
    visitor = Visitor(chromium, real)
    page = visitor.sign_in(person(real, "play@example.com", play="developer"))
    page.get_by_role("link", name="Playground").click()
    page.get_by_label("System prompt").fill("You are brief.")
    page.get_by_label("At most so many tokens").fill("12")
    page.get_by_label("Message").fill("Say hello.")
    page.get_by_text("tokens of prompt; at most $").wait_for()
    page.get_by_role("button", name="Send").click()
    page.get_by_role("link", name="Receipt").wait_for()
    costs = [int(page.locator("#cost").get_attribute("data-nanousd") or 0)]
    assert page.locator(".turn.theirs .text").inner_text().strip()

    page.get_by_label("Message").fill("And again?")
    page.keyboard.press("Control+Enter")
    page.locator(".turn.theirs").nth(1).wait_for()
    page.get_by_role("link", name="Receipt").wait_for()
    costs.append(int(page.locator("#cost").get_attribute("data-nanousd") or 0))
    events = real.events("play")
    assert [event.cost_nanousd for event in events] == costs
    assert events[1].input_tokens > events[0].input_tokens + 4, "what was said before is said again"
    total = page.locator("#total").inner_text().removeprefix("This conversation: $")
    assert parse_usd(total) == sum(costs)

    page.get_by_label("At most so many tokens").fill("2000")
    page.get_by_label("Message").fill("Tell me a very long story about a toll road, with many chapters.")
    page.get_by_role("button", name="Send").click()
    stopped_at = 2 + _stopped(page)
    eventually(lambda: len(real.events("play")) == stopped_at + 1, "the stopped one is billed")
    stopped = real.events("play")[stopped_at]
    assert stopped.outcome == "client_gone"
    assert int(page.locator("#cost").get_attribute("data-nanousd") or 0) == stopped.cost_nanousd > 0
    page.get_by_role("link", name="Receipt").click()
    assert page.get_by_text(stopped.request_id).first.is_visible()
    assert visitor.complaints == []
    visitor.close()


def test_in_a_browser_a_picture_is_sent_and_thinking_is_shown(
    chromium: Chromium, gateway: RunningGateway, worker: ScriptedWorker, name: str
) -> None:
    visitor = Visitor(chromium, gateway)
    page = visitor.sign_in(person(gateway, f"{name}@example.com", **{name: "developer"}))
    page.get_by_role("link", name="Playground").click()
    page.get_by_label("Model").select_option("magistral-small-2509")
    page.get_by_label("At most so many tokens").fill("50")
    picture = encoded("PNG", 64, 32)
    page.get_by_label("Picture").set_input_files(
        {"name": "toll.png", "mimeType": "image/png", "buffer": picture}
    )
    page.get_by_label("Message").fill("ok think=yes tokens=7")
    page.get_by_text("tokens of prompt; at most $").wait_for()
    page.get_by_role("button", name="Send").click()
    page.get_by_role("link", name="Receipt").wait_for()
    thinking = page.locator(".turn.theirs .thinking")
    assert "hm hm" in (thinking.text_content() or "")
    assert page.locator(".turn.theirs .text").inner_text().split() == ["tok"] * 7, (
        "what was thought is no part of it"
    )
    sent = [
        part["image_url"]["url"]
        for part in worker.seen[-1].body["messages"][-1]["content"]
        if part["type"] == "image_url"
    ]
    assert sent == ["data:image/png;base64," + base64.b64encode(picture).decode()]
    [event] = gateway.events(name)
    assert event.input_image_tokens > 0
    assert int(page.locator("#cost").get_attribute("data-nanousd") or 0) == event.cost_nanousd > 0
    page.get_by_role("link", name="Receipt").click()
    assert page.get_by_text("Input, image").first.is_visible()
    assert visitor.complaints == []
    visitor.close()


def test_where_nobody_serves_it_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    with RunningGateway(tmp_path_factory.mktemp("alone"), "http://127.0.0.1:9") as alone:
        alone.account("a")
        with signed_in(alone, "a@example.com", a="owner") as browser:
            assert "no worker serves a model" in browser.page(at(alone, "a"))
