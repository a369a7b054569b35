"""Somebody pays, in a real browser: from the form to Stripe's page and back, and the credit is there; and how these pages look."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from gateway.kit.clock import DAY_US, now_us
from gateway.kit.db import WriteConn
from gateway.payments.book import book_reversal
from tests.dashboard.browsing import person
from tests.dashboard.test_journey import CHROMIUM, FLAGS, LOOKS, Visitor, look_at
from tests.fixtures.paid import Paid, invoiced, paid_by_card, paid_gateway, save_card, stick
from tests.fixtures.scripted import ScriptedWorker

SOON_S = 2.0
CHECKOUT = "https://checkout.stripe.com/"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """For which Stripe's hosts are not there, whatever the network says."""
    if CHROMIUM is None:
        pytest.skip("paying in a real browser is NOT TESTED: there is no Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        flags = [*FLAGS, "--host-resolver-rules=MAP *.stripe.com ~NOTFOUND"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


def press(page: Page, act: Callable[[], None]) -> None:
    """Sends a form that leads to Stripe: the browser goes there, and finds nobody."""
    with page.expect_event("requestfailed", lambda asked: asked.url.startswith(CHECKOUT)):
        act()
    page.wait_for_url("chrome-error://**")


@pytest.fixture(scope="module")
def paid(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    with paid_gateway(tmp_path_factory.mktemp("paying"), worker.url) as made:
        yield made


def test_a_whole_top_up(chromium: Browser, paid: Paid) -> None:
    gateway, stripe = paid
    gateway.account("payer", "1")
    visitor = Visitor(chromium, gateway)
    page = visitor.sign_in(person(gateway, "payer@example.com", payer="billing"))
    page.get_by_role("link", name="Billing").click()
    press(page, lambda: page.get_by_role("button", name="$50", exact=True).click(no_wait_after=True))
    assert not [
        each for each in visitor.complaints if "Content Security Policy" in each or "form-action" in each
    ]
    [session] = stripe.of("checkout.session").values()
    assert session["amount_total"] == 5_000
    page.goto(session["success_url"])
    expect(page.get_by_text("Waiting for Stripe to confirm $50.00")).to_be_visible()
    began = time.monotonic()
    stripe.complete(session["id"])
    expect(page.get_by_text("Booked: $50.00")).to_be_visible(timeout=SOON_S * 1000)
    assert time.monotonic() - began < SOON_S
    assert page.locator(".figure").first.inner_text() == "$51.00"
    with pytest.raises(PlaywrightTimeout):
        page.wait_for_event("request", timeout=1_200)  # what is booked is waited for no more
    page.reload()
    page.get_by_label("Below, $").fill("10")
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("on", exact=True)).to_be_visible()
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_text("off", exact=True)).to_be_visible()
    visitor.close()


def test_another_amount_by_keyboard(chromium: Browser, paid: Paid) -> None:
    gateway, stripe = paid
    gateway.account("typist", "1")
    visitor = Visitor(chromium, gateway)
    page = visitor.sign_in(person(gateway, "typist@example.com", typist="owner"))
    page.goto(f"/dashboard/accounts/{gateway.balance('typist').account_id}/billing")
    page.get_by_label("Another amount").focus()
    page.keyboard.type("12.34")
    press(page, lambda: page.keyboard.press("Enter"))
    assert list(stripe.of("checkout.session").values())[-1]["amount_total"] == 1_234
    visitor.close()


def fill(paid: Paid) -> tuple[str, str]:
    """An account to which much has happened; its id, and an invoice's."""
    gateway, _ = paid
    gateway.account("Lovelace & Co", "5")
    account_id, now = gateway.balance("Lovelace & Co").account_id, now_us()
    save_card(gateway, account_id)
    first = paid_by_card(gateway, account_id, 10_000, "first", at_us=now - 40 * DAY_US)
    second = paid_by_card(gateway, account_id, 2_500, "second", kind="auto", at_us=now - 3 * DAY_US)
    found = ""
    for month, state in (("2026-08", "paid"), ("2026-09", "carried"), ("2026-10", "failed")):
        found = invoiced(gateway, account_id, month, state=state, sent=state != "carried")  # type: ignore[arg-type]

    def book(conn: WriteConn) -> None:
        book_reversal(conn, first, "re_1PqXyZ", "refund", 2_000, now - 20 * DAY_US)
        book_reversal(conn, second, "dp_1PqXyZ", "dispute", 2_500, now - DAY_US)

    gateway.database.write_now(book)
    stick(gateway, account_id)
    return account_id, found


def test_how_they_look(chromium: Browser, paid: Paid) -> None:
    gateway, stripe = paid
    account_id, invoice_id = fill(paid)
    visitor = Visitor(chromium, gateway)
    page = visitor.sign_in(person(gateway, "looker@example.com", operator=True, **{"Lovelace & Co": "owner"}))
    base = f"/dashboard/accounts/{account_id}/billing"
    page.goto(base)
    page.get_by_label("Below, $").fill("5")
    page.get_by_role("button", name="Turn on").click()
    page.goto("/dashboard/operator/payments")
    page.get_by_role("button", name="Compare now").click()
    expect(page.get_by_text("between the ledger and Stripe")).to_be_visible()
    assert "pi_first" in (differences := page.get_by_role("region", name="Differences").inner_text())
    assert not [each for each in stripe.of("payment_intent") if each in differences], "what Stripe has, too"
    for look, (scheme, width) in LOOKS.items():
        context = chromium.new_context(
            base_url=gateway.url,
            color_scheme=scheme,
            viewport={"width": width, "height": 800},  # type: ignore[arg-type]
        )
        context.add_cookies(visitor.cookies())
        shown: Page = context.new_page()
        for path in (base, f"{base}/invoices/{invoice_id}", "/dashboard/operator/payments"):
            look_at(shown, path, look)
        context.close()
    visitor.close()
