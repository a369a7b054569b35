"""A real browser, a real model: from an invitation to a revoked key, and every page in light, dark and on a phone."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tollway
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from tollway.admin import Admin

from tests.clients.conftest import real
from tests.dashboard.browsing import person
from tests.fixtures.real import MODEL
from tests.fixtures.running import RunningGateway

__all__ = ["real"]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
SHOTS = os.environ.get("SHOTS", "")
"""A folder: where pictures of each page go (docs/pages has some)."""
LOOKS = {"light": ("light", 1280), "dark": ("dark", 1280), "phone": ("light", 360)}
CREDIT = "0.0002"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("pages in a real browser are NOT TESTED: there is no Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Visitor:
    """One person's browser, which notes what the console complains of and what is asked of elsewhere."""

    def __init__(self, chromium: Browser, gateway: RunningGateway) -> None:
        self._context = chromium.new_context(base_url=gateway.url)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("request", lambda asked: self._check(asked.url, gateway.url))

    def _check(self, asked: str, home: str) -> None:
        if not asked.startswith((home, "data:")):
            self.complaints.append(f"it asked {asked}")

    def sign_in(self, link: str) -> Page:
        self.page.goto(link)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(re.compile(r"/dashboard(/accounts/\w+|/operator|/sessions)$"))
        return self.page

    def cookies(self) -> Any:
        return self._context.cookies()

    def close(self) -> None:
        self._context.close()


@pytest.fixture
def visitors(chromium: Browser, real: RunningGateway) -> Iterator[tuple[Visitor, Visitor]]:
    pair = (Visitor(chromium, real), Visitor(chromium, real))
    yield pair
    for visitor in pair:
        assert visitor.complaints == []
        visitor.close()


def test_the_whole_journey(visitors: tuple[Visitor, Visitor], real: RunningGateway) -> None:
    operator, owner = visitors
    desk = operator.sign_in(person(real, "operator@example.com", operator=True))
    desk.get_by_role("link", name="Accounts").click()
    desk.get_by_label("Name").fill("Lovelace & Co")
    desk.get_by_label("Exactly this credit").fill(CREDIT)
    desk.get_by_role("button", name="Open").click()
    desk.get_by_role("link", name="Lovelace & Co").click()
    account = desk.url
    desk.get_by_role("link", name="Members").click()
    desk.get_by_label("E-mail address").fill("ada@example.com")
    desk.locator("select[name=role]").last.select_option("owner")
    desk.get_by_role("button", name="Invite").click()
    page = owner.sign_in(desk.locator("#link").inner_text())

    page.get_by_role("link", name="Keys", exact=True).click()
    page.get_by_label("Name").fill("first key")
    page.get_by_role("button", name="Create").click()
    secret = page.locator("#secret").inner_text()
    page.get_by_role("link", name="Overview").click()
    assert page.get_by_text("Nothing was asked yet.").is_visible()
    with tollway.Tollway(secret, real.url) as client:
        answer = client.chat.complete(model=MODEL, messages="Say hello.", max_tokens=8)
        page.locator(f'a[href$="{answer.request_id}"]').wait_for(timeout=2_000)
        page.locator("svg.bars rect.s0").wait_for(timeout=2_000)
        page.locator(f'a[href$="{answer.request_id}"]').click()
        assert page.get_by_text("derived again just now, and the same").is_visible()
        assert str(answer.cost) in page.locator("tfoot").inner_text()

        _hits_a_cap_and_goes_on(page, client)
        with pytest.raises(tollway.InsufficientCredits):
            for _ in range(200):
                client.chat.complete(model=MODEL, messages="Tell me a story.", max_tokens=60)
        _tops_up(desk, account)
        assert client.chat.complete(model=MODEL, messages="Thank you.", max_tokens=4).text is not None

        page.get_by_role("link", name="Keys", exact=True).click()
        page.get_by_role("link", name="first key").click()
        page.get_by_role("button", name="Revoke for good").click()
        assert page.get_by_text("revoked").first.is_visible()
        with pytest.raises(tollway.AuthenticationFailed):
            client.credits.get()


def _hits_a_cap_and_goes_on(page: Page, client: tollway.Tollway) -> None:
    page.get_by_role("link", name="Keys", exact=True).click()
    page.get_by_role("link", name="first key").click()
    page.get_by_label("At most a day").fill("0.0000001")
    page.get_by_role("button", name="Save").first.click()
    with pytest.raises(tollway.KeyCapReached):
        client.chat.complete(model=MODEL, messages="And again?", max_tokens=8)
    page.get_by_label("At most a day").fill("")
    page.get_by_role("button", name="Save").first.click()


def _tops_up(desk: Page, account: str) -> None:
    desk.goto("/dashboard/operator/accounts")
    desk.get_by_text("Give credit").last.click()
    desk.get_by_label("US dollars").last.fill("1")
    desk.get_by_role("button", name="Give").last.click()
    desk.goto(account)
    assert desk.locator(".figure").nth(2).inner_text().startswith("$1.00")


PAGES = (
    "",
    "/usage",
    "/requests",
    "/keys",
    "/projects",
    "/limits",
    "/billing",
    "/alerts",
    "/members",
    "/log",
    "/playground",
    "/start",
)
OPERATORS = ("", "/accounts", "/workers", "/prices", "/margins", "/payments", "/ledger", "/log")


def _with_projects(real: RunningGateway, key_id: str) -> None:
    """One of whose budgets there is some left, one that is used up, one that has none and is archived."""
    with Admin(real.operator(), real.url) as admin:
        for name, cap in (("Search in the catalogue", 5), ("Nightly batch jobs", 0), ("Prototype", None)):
            project = admin.projects.create("looks", name, cap_day_usd=cap, cap_month_usd=cap and cap * 10)
        admin.projects.change(project.id, archived=True)
        admin.keys.change(key_id, project="Search in the catalogue")


def test_every_page_in_every_look(chromium: Browser, real: RunningGateway) -> None:
    """Nothing is wider than its window, and axe finds nothing serious; with SHOTS=folder there are pictures."""
    key = real.account("looks")
    with tollway.Tollway(key, real.url) as client:
        request_id = client.chat.complete(model=MODEL, messages="Say hello.", max_tokens=8).request_id
        [key] = client.keys.list()
    _with_projects(real, key.id)
    real.settled_up("looks")
    visitor = Visitor(chromium, real)
    visitor.sign_in(person(real, "looker@example.com", operator=True, looks="owner"))
    base = f"/dashboard/accounts/{real.balance('looks').account_id}"
    paths = [base + path for path in (*PAGES, f"/requests/{request_id}", f"/keys/{key.id}")]
    paths += [f"/dashboard/operator{path}" for path in OPERATORS] + [
        "/dashboard/sessions",
        "/dashboard/sign-out",
    ]
    for look, (scheme, width) in LOOKS.items():
        context = chromium.new_context(
            base_url=real.url, color_scheme=scheme, viewport={"width": width, "height": 800}
        )
        context.add_cookies(visitor.cookies())
        page = context.new_page()
        for path in paths:
            look_at(page, path, look)
        context.clear_cookies()
        look_at(page, "/dashboard/sign-in", look)
        context.close()
    visitor.close()


def look_at(page: Page, path: str, look: str) -> None:
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        f"{path} is wider than a {look}"
    )
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [
        f"{each['id']}: {each['nodes'][0]['html'][:120]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == [], f"{path}, {look}"
    if SHOTS:
        name = (
            re.sub(r"_[0-9a-f]{32}", "", path.removeprefix("/dashboard").strip("/")).replace("/", "-")
            or "start"
        )
        page.screenshot(path=Path(SHOTS) / f"{name}-{look}.png", full_page=True)
