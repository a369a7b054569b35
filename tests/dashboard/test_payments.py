"""Pages where cards are taken: what customers pay, are owed and are billed, and what operators see of the border to Stripe."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.accounts.store import list_suspensions
from gateway.app import stripe_of
from gateway.billing import store as billing
from gateway.billing.sync import plan
from gateway.catalog.store import in_force
from gateway.kit.clock import DAY_US, now_us
from gateway.kit.db import WriteConn
from gateway.payments import store as payments
from gateway.payments.book import book_reversal, end_reversal
from gateway.people.store import list_entries
from gateway.people.types import Lines
from tests.dashboard.browsing import Browser, signed_in
from tests.fixtures.paid import Paid, invoiced, paid_by_card, paid_gateway, save_card, stick, suspend_for
from tests.fixtures.running import RunningGateway, eventually
from tests.fixtures.scripted import ScriptedWorker

RULE = {"below": "5", "amount": "20", "daily_max": "$1,000"}


class Shop:
    """An account, its owner's browser, and Stripe."""

    def __init__(self, paid: Paid, name: str) -> None:
        self.gateway, self.stripe = paid
        self.gateway.account(name)
        self.name = name
        self.account_id = self.gateway.balance(name).account_id
        self.browser = signed_in(self.gateway, f"{name}@example.com", **{name: "owner"})
        self.url = f"/dashboard/accounts/{self.account_id}/billing"

    def page(self, query: str = "") -> str:
        return self.browser.page(self.url + query)

    def post(self, path: str, **fields: str) -> httpx.Response:
        return send(self.browser, self.url + path, **fields)

    def write(self, work: Any) -> Any:
        return self.gateway.database.write_now(work)


def send(browser: Browser, path: str, **fields: str) -> httpx.Response:
    csrf = re.search(r'name="csrf" value="(\w+)"', browser.page("/dashboard/sessions"))
    assert csrf is not None
    return browser.post(path, data={"csrf": csrf[1], **fields})


def synced(gateway: RunningGateway) -> None:
    """As by `tollway-gateway stripe sync --apply`."""

    async def apply() -> None:
        border = stripe_of(gateway.settings, gateway.database).require()
        for step in await plan(border, gateway.database.read_now(lambda conn: in_force(conn, now_us()))):
            await step.apply()
        await border.api.close()

    asyncio.run(apply())


def actions(gateway: RunningGateway) -> list[str]:
    found = gateway.database.read_now(lambda conn: list_entries(conn, Lines(), limit=1000))
    return [entry.action for entry in found]


@pytest.fixture(scope="module")
def paid(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    with paid_gateway(tmp_path_factory.mktemp("paid"), worker.url) as made:
        yield made


@pytest.fixture
def shop(paid: Paid, request: pytest.FixtureRequest) -> Iterator[Shop]:
    made = Shop(paid, request.node.name.replace("_", "-")[:60])
    yield made
    made.browser.close()


def test_without_stripe_the_page_is_as_it_was(gateway: RunningGateway) -> None:
    gateway.account("plain")
    account_id = gateway.balance("plain").account_id
    with signed_in(gateway, "plain@example.com", plain="owner") as owner:
        answer = owner.get(f"/dashboard/accounts/{account_id}/billing?topped_up=top_1")
        assert "Top up by card" not in answer.text
        assert "Paying by card is not possible here" in answer.text
        assert "stripe.com" not in answer.headers["content-security-policy"]
        refused = send(owner, f"/dashboard/accounts/{account_id}/billing/top_ups", amount="10")
        assert (refused.status_code, "takes no payments" in refused.text) == (501, True)
        assert send(owner, f"/dashboard/accounts/{account_id}/billing/auto", **RULE).status_code == 501


def test_a_top_up_goes_to_stripe_and_comes_back(shop: Shop) -> None:
    assert "https://checkout.stripe.com" in shop.browser.get(shop.url).headers["content-security-policy"]
    assert "Nothing was paid by card yet" in shop.page()
    sent = shop.post("/top_ups", amount="12.50")
    assert (sent.status_code, sent.headers["location"].split("/c/")[0]) == (
        303,
        "https://checkout.stripe.com",
    )
    session = list(shop.stripe.of("checkout.session").values())[-1]
    back = session["success_url"].removeprefix(shop.gateway.url)
    assert back.startswith(f"{shop.url}?topped_up=top_")
    waiting = shop.browser.page(back)
    assert "Waiting for Stripe to confirm $12.50" in waiting
    assert 'data-live="0.5"' in waiting
    shop.stripe.complete(session["id"])
    eventually(lambda: "Booked: $12.50 is yours" in shop.browser.page(back), "it is booked")
    booked = shop.browser.page(back)
    assert "data-live" not in booked
    assert ("$13.50" in booked, "Top-up by card" in booked) == (True, True)
    assert "top_up.order" in actions(shop.gateway)
    assert "Waiting" not in shop.page("?topped_up=top_nobody")


@pytest.mark.parametrize("amount", ["", "1", "4.99", "10000.01", "10.005", "-5", "1e3", "ten"])
def test_no_such_amount(shop: Shop, amount: str) -> None:
    before = len(shop.stripe.calls)
    answer = shop.post("/top_ups", amount=amount)
    assert (answer.status_code, "amount" in answer.text or "top-up is" in answer.text) == (400, True)
    assert len(shop.stripe.calls) == before


def test_stripe_is_away(shop: Shop) -> None:
    fault = shop.stripe.fail("POST /v1/checkout/sessions", status=500, times=None)
    assert shop.post("/top_ups", amount="20").status_code == 503
    fault.times = 0
    shop.stripe.heal()
    assert "failed" in shop.page()


def test_automatic_top_ups(shop: Shop) -> None:
    assert "It needs a saved card" in shop.page()
    assert shop.post("/auto", **RULE).status_code == 409
    save_card(shop.gateway, shop.account_id)
    assert "Turn on" in shop.page()
    for wrong in ({"below": "0"}, {"amount": "1"}, {"daily_max": "19"}, {"below": "a lot"}, {"amount": ""}):
        assert shop.post("/auto", **{**RULE, **wrong}).status_code == 400, wrong
    assert shop.post("/auto", **{**RULE, "below": "0.50"}).status_code == 303
    page = shop.page()
    assert ('value="0.50"' in page, 'value="1,000.00"' in page, '<span class="state good">on' in page) == (
        True,
    ) * 3
    shop.write(
        lambda conn: payments.pause_auto_top_up(
            conn, shop.account_id, "the saved card was declined: no funds"
        )
    )
    page = shop.page()
    assert ("declined: no funds" in page, "Save, and begin again" in page) == (True, True)
    assert shop.post("/auto", **{**RULE, "below": "0.50"}).status_code == 303
    assert "declined" not in shop.page()
    assert shop.post("/auto", act="off").status_code == 303
    assert "Turn on" in shop.page()
    assert {"auto_top_up.set", "auto_top_up.remove"} <= set(actions(shop.gateway))


def test_the_portal_of_stripe(shop: Shop) -> None:
    assert "Cards and addresses" not in shop.page()
    assert shop.post("/portal").status_code == 404
    shop.post("/top_ups", amount="10")
    assert "Cards and addresses" in shop.page()
    refused = shop.post("/portal")
    assert (refused.status_code, "your test mode default configuration" in refused.text) == (502, True)
    synced(shop.gateway)
    answer = shop.post("/portal")
    assert (answer.status_code, answer.headers["location"].startswith("https://billing.stripe.com/")) == (
        303,
        True,
    )


def test_what_went_back_is_listed_and_what_is_wrong_is_said(shop: Shop) -> None:
    payment = paid_by_card(shop.gateway, shop.account_id, 2_000, "shown")
    won = paid_by_card(shop.gateway, shop.account_id, 3_000, "won", kind="auto")

    def book(conn: WriteConn) -> None:
        book_reversal(conn, payment, "re_shown", "refund", 500, now_us())
        book_reversal(conn, payment, "dp_shown", "dispute", 1_500, now_us())
        book_reversal(conn, won, "dp_won", "dispute", 3_000, now_us())
        end_reversal(conn, "dp_won", "won", now_us())

    shop.write(book)
    failed = invoiced(shop.gateway, shop.account_id, "2026-10", state="failed")
    paid_id = invoiced(shop.gateway, shop.account_id, "2026-09", state="paid")
    invoiced(shop.gateway, shop.account_id, "2026-08", state="carried", sent=False)
    page = shop.page()
    for words in ("This account is suspended", "a payment was disputed", "dp_shown", "Refund", "−$5.00", "Automatic top-up",
                  "won: the money is back", "ACME-2026-10", "payment failed", "carried on",
                  f"https://invoice.stripe.com/i/{failed}", f"https://pay.stripe.com/{paid_id}/pdf",
                  "The payment of the invoice of October 2026, $13.36, failed"):  # fmt: skip
        assert words in page, words
    assert "since" in page
    assert "dp_won, since" not in page


def test_an_invoice_is_explained(shop: Shop) -> None:
    invoice_id = invoiced(shop.gateway, shop.account_id, "2026-10")
    page = shop.page(f"/invoices/{invoice_id}")
    for words in ("Usage of October 2026", "61,728,394 tokens at $0.20 per million", "$12.345678900", "$0.004321100", "−$5.000000000",
                  "−$0.002000000", "$13.357678900", "$0.002321100", "$13.36", "1 to 4,711", "ACME-2026-10"):  # fmt: skip
        assert words in page, words
    requests = f"/dashboard/accounts/{shop.account_id}/requests?model=magistral-small-2509&amp;month=2026-10"
    assert requests in page
    assert "There is no request here yet" in shop.browser.page(requests.replace("&amp;", "&"))
    [grant] = re.findall(r"/billing#(\w+)", page)
    assert f'<tr id="{grant}">' in shop.page()
    assert shop.browser.get(f"{shop.url}/invoices/inv_nobody").status_code == 404


def test_requests_of_a_month(shop: Shop) -> None:
    base = f"/dashboard/accounts/{shop.account_id}/requests"
    assert 'value="2026-10"' in shop.browser.page(f"{base}?month=2026-10")
    assert shop.browser.get(f"{base}?month=lately").status_code == 400


def test_the_operators_page(paid: Paid, shop: Shop) -> None:
    gateway, stripe = paid
    intent = stick(gateway, shop.account_id, f"inv:inv_{shop.account_id[-12:]}")
    suspend_for(gateway, shop.account_id, "dp_operators")
    invoice_id = invoiced(gateway, shop.account_id, "2026-10", state="uncollectible")
    old = paid_by_card(gateway, shop.account_id, 7_700, "old", at_us=now_us() - 40 * DAY_US)
    shop.write(lambda conn: book_reversal(conn, old, "re_old", "refund", 700, old.at_us))
    with signed_in(gateway, "payments@example.com", operator=True) as operator:
        page = operator.page("/dashboard/operator/payments")
        for words in ("test mode", "1 frozen", "in_1 has 5 cents", "dp_operators", "given up", invoice_id, shop.name,
                      "$77.00", "$70.00"):  # fmt: skip
            assert words in page, words
        assert send(operator, "/dashboard/operator/payments/reconcile").status_code == 303
        page = operator.page("/dashboard/operator/payments")
        assert ("between the ledger and Stripe" in page, intent in page, "pi_old" in page) == (
            True,
            True,
            True,
        )
        assert send(operator, f"/dashboard/operator/payments/outbox/{intent}/retry").status_code == 303
        assert send(operator, f"/dashboard/operator/payments/outbox/{intent}x/retry").status_code == 404
        lifted = f"/dashboard/operator/payments/suspensions/{shop.account_id}/dp_operators"
        assert [send(operator, lifted).status_code for _ in range(2)] == [303, 404]
        assert shop.write(lambda conn: list_suspensions(conn, shop.account_id)) == []
        assert {"outbox.retry", "account.lift"} <= set(actions(gateway))

        def tried() -> bool:
            found = shop.write(lambda conn: billing.find_intent(conn, intent))
            return found.frozen_us is not None and "there is no invoice" in found.result

        eventually(tried, "it was tried, and refused again")
        stripe.down(hours=1)
        assert send(operator, "/dashboard/operator/payments/reconcile").status_code == 503
        stripe.heal()


def test_invoices_of_all_accounts_come_in_pieces(paid: Paid, shop: Shop) -> None:
    gateway, _ = paid
    for number in range(60):
        invoiced(gateway, shop.account_id, f"{2020 + number // 12}-{number % 12 + 1:02}", state="paid")
    with signed_in(gateway, "pieces@example.com", operator=True) as operator:
        page = operator.page("/dashboard/operator/payments")
        [older] = re.findall(r'href="(/dashboard/operator/payments\?after=inv_\w+)" rel="next"', page)
        rest = operator.page(older)
        shown = [re.findall(r"/billing/invoices/(inv_\w+)", each) for each in (page, rest)]
        assert (len(shown[0]), set(shown[0]) & set(shown[1])) == (50, set())
        assert operator.get("/dashboard/operator/payments?after=inv_nobody").status_code == 404


def test_without_stripe_the_operators_page_says_so(gateway: RunningGateway) -> None:
    with signed_in(gateway, "off@example.com", operator=True) as operator:
        page = operator.page("/dashboard/operator/payments")
        assert ("takes no payments" in page, "Compare now" in page) == (True, False)
        assert send(operator, "/dashboard/operator/payments/reconcile").status_code == 501
