"""The ways in as a person sees them, in a real browser: a click to the provider and back, a mailed link, and how the pages look."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.dashboard.browsing import person
from tests.dashboard.test_journey import LOOKS, chromium, look_at
from tests.fixtures.identity import IdentityProvider
from tests.fixtures.postbox import Postbox
from tests.fixtures.running import RunningGateway, free_port
from tests.fixtures.scripted import ScriptedWorker

__all__ = ["chromium"]
ADA = "ada@acme.example"


@pytest.fixture(scope="module")
def postbox() -> Iterator[Postbox]:
    with Postbox() as running:
        yield running


@pytest.fixture(scope="module")
def open_house(
    worker: ScriptedWorker,
    options: dict[str, Any],
    postbox: Postbox,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningGateway]:
    """Every way in is set up."""
    port = free_port()
    here = {"port": port, "public_url": f"http://127.0.0.1:{port}"}
    mail = {"smtp_url": postbox.url, "mail_from": "Tollway <tollway@example.org>"}
    with RunningGateway(tmp_path_factory.mktemp("open"), worker.url, **options | here | mail) as running:
        yield running


def visit(chromium: Browser, gateway: RunningGateway) -> Page:
    page = chromium.new_context(base_url=gateway.url).new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return page


def test_a_click_to_the_provider_and_back(
    chromium: Browser, open_house: RunningGateway, provider: IdentityProvider
) -> None:
    provider.person = {"sub": "ada", "email": ADA, "name": "Ada"}
    page = visit(chromium, open_house)
    page.goto("/dashboard/sign-out")
    page.get_by_role("link", name="Sign in with Acme").click()
    page.wait_for_url(re.compile(r"/dashboard/sign-out$"))
    page.goto("/dashboard")
    assert page.get_by_text("You are a member of no account yet").is_visible()
    provider.changes = {"email_verified": False}
    page.context.clear_cookies()
    page.goto("/dashboard/sign-in")
    page.get_by_role("link", name="Sign in with Acme").click()
    assert page.get_by_text("has not verified your e-mail address").is_visible()
    page.get_by_role("link", name="Back to the start").click()
    page.wait_for_url(re.compile(r"/dashboard/sign-in"))
    page.context.close()


def test_a_link_by_mail(chromium: Browser, open_house: RunningGateway, postbox: Postbox) -> None:
    person(open_house, "grace@example.com", operator=True)
    page = visit(chromium, open_house)
    page.goto("/dashboard/operator/ledger")
    page.get_by_label("E-mail address").fill("grace@example.com")
    page.get_by_role("button", name="Mail me a link").click()
    assert page.get_by_role("status").inner_text().startswith("If grace@example.com may sign in here")
    [link] = re.findall(r"http://127\S+/link/\S+", postbox.last_to("grace@example.com").get_content())
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/dashboard/operator/ledger$"))
    page.context.close()


def test_how_it_looks(chromium: Browser, open_house: RunningGateway, postbox: Postbox) -> None:
    link = person(open_house, "looks@example.com")
    for look, (scheme, width) in LOOKS.items():
        context = chromium.new_context(
            base_url=open_house.url, color_scheme=scheme, viewport={"width": width, "height": 800}
        )
        page = context.new_page()
        for path in ("/dashboard/sign-in", link, "/dashboard/sign-in/oidc/callback"):
            look_at(page, path, f"ways-{look}")
        context.close()
