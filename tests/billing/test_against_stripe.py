"""The same life against the fake, always, and against Stripe's test mode, where `STRIPE_TEST_KEY` is set (`make test-stripe`).

Only what both understand: Stripe's API, and its test clocks.  Nobody can click in Checkout here, so cards are saved by API; and no
webhook reaches a test, so news is read from the list of events.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.billing import store
from gateway.billing.handle import HANDLERS
from gateway.billing.stripe_api import StripeApi
from gateway.billing.types import Customer, News
from gateway.credit.give import set_credit_limit
from gateway.kit.clock import SECOND_US, next_month_us, rfc3339
from gateway.kit.db import Database
from gateway.payments import store as payments
from gateway.payments.types import AutoTopUp
from tests.billing.world import CENT, MILLION, USD, Owner, World, world_of

PATIENCE_S = 120.0
WITHOUT = "set STRIPE_TEST_KEY=sk_test_… (of an account that may be written to) and run `make test-stripe`"


class Life:
    """An account at Stripe, in test mode.  `world` is ours; its clock is Stripe's test clock."""

    def __init__(self, world: World, *, patient: bool) -> None:
        self.world, self.patient = world, patient
        self.v1: Any = world.api.v1
        self.began_s = world.books.now // SECOND_US - 60
        clock = {"frozen_time": world.books.now // SECOND_US, "name": "tollway"}
        self.clock = self.do(self.v1.test_helpers.test_clocks.create_async(clock)).id
        self.seen: set[str] = set()

    def do(self, work: Any) -> Any:
        return self.world.do(work)

    def owner(self, card: str, *, limit_usd: int = 0) -> Owner:
        """An account of ours whose customer lives by the test clock, with a card."""
        owner = self.world.account()
        self.world.database.write_now(lambda conn: set_credit_limit(conn, owner[0], limit_usd * USD))
        made = self.do(
            self.v1.customers.create_async({"test_clock": self.clock, "metadata": {"account_id": owner[0]}})
        )
        method = self.do(self.v1.payment_methods.attach_async(card, {"customer": made.id}))
        customer = Customer(
            account_id=owner[0],
            customer_id=made.id,
            payment_method_id=method.id,
            created_us=self.world.books.now,
        )
        self.world.database.write_now(lambda conn: store.save_customer(conn, customer))
        return owner

    def go_to(self, now_us: int) -> None:
        """Stripe's clock, and then ours."""
        now_s = now_us // SECOND_US
        self.do(self.v1.test_helpers.test_clocks.advance_async(self.clock, {"frozen_time": now_s}))
        self.until(
            lambda: self.do(self.v1.test_helpers.test_clocks.retrieve_async(self.clock)).status == "ready"
        )
        self.world.books.now = now_us

    def news(self) -> None:
        events = self.do(self.v1.events.list_async({"created": {"gte": self.began_s}, "limit": 100})).data
        for event in reversed(events):
            if event.type in HANDLERS and event.id not in self.seen:
                self.seen.add(event.id)
                now = self.world.books.now
                news = News(event_id=event.id, type=event.type, object_id=event.data.object["id"],
                            created_s=event.created, received_us=now, due_us=now)  # fmt: skip
                self.world.database.write_now(lambda conn, news=news: store.insert_news(conn, news))  # type: ignore[misc]

    def until(self, done: Any) -> None:
        deadline = time.monotonic() + (PATIENCE_S if self.patient else 5.0)
        while not done():
            assert time.monotonic() < deadline, "Stripe took too long"
            time.sleep(2.0 if self.patient else 0.01)

    def settled(self, done: Any) -> None:
        """Until this holds; meanwhile news is read and everything is sent."""

        def step() -> bool:
            self.news()
            self.world.stripe.outbox.clear()
            self.world.settle(2)
            return bool(done())

        self.until(step)


@contextmanager
def _at_stripe(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    key = os.environ.get("STRIPE_TEST_KEY", "")
    if not key:
        pytest.skip(WITHOUT)
    assert "_test_" in key, "never with a live key"
    with world_of(database, monkeypatch, rfc3339(time.time_ns() // 1000), api=StripeApi(key)) as world:
        yield Life(world, patient=True)


@pytest.fixture(params=["fake", pytest.param("stripe", marks=pytest.mark.stripe)])
def life(
    request: pytest.FixtureRequest, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Life]:
    if request.param == "stripe":
        with _at_stripe(database, monkeypatch) as there:
            yield there
        return
    with world_of(database, monkeypatch) as world:
        yield Life(world, patient=False)


@pytest.mark.timeout(900)
def test_a_life_by_test_clock(life: Life) -> None:
    world = life.world
    prepaid = life.owner("pm_card_visa")
    rule = AutoTopUp(
        account_id=prepaid[0], below_nanousd=USD, cents=2_000, daily_cents_max=2_000, by="test", since_us=0
    )
    world.database.write_now(lambda conn: payments.save_auto_top_up(conn, rule))
    life.settled(lambda: world.left(prepaid) == 20 * USD)

    (paid,) = world.database.read_now(lambda conn: payments.list_payments(conn, prepaid[0]))
    life.do(life.v1.refunds.create_async({"payment_intent": paid.id, "amount": 500}))
    life.settled(lambda: world.left(prepaid) == 15 * USD)

    good = life.owner("pm_card_visa", limit_usd=100)
    bad = life.owner("pm_card_chargeCustomerFail", limit_usd=100)
    world.use(good, 30 * MILLION, 12_345_678)
    world.use(bad, 0, 10 * MILLION)
    life.go_to(next_month_us(world.books.now) + 2 * 3600 * SECOND_US)
    life.settled(lambda: len(world.drawn(good)) == len(world.drawn(bad)) == 1)
    life.settled(
        lambda: {world.drawn(each)[0].state for each in (good, bad)} >= {"finalized"} or world.left(good) == 0
    )
    life.go_to(world.books.now + 3 * 3600 * SECOND_US)
    life.settled(lambda: (world.drawn(good)[0].state, world.drawn(bad)[0].state) == ("paid", "failed"))
    assert world.drawn(good)[0].invoice.total_cents == 1_287
    assert world.left(good) == 0
    assert world.left(bad) == -600 * CENT
    assert world.report().differences == ()
