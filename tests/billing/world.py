"""A gateway's border and a Stripe on loopback, with one clock for both: months pass in milliseconds."""

import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import pytest

from gateway.accounts.store import find_account
from gateway.billing import inbox, store
from gateway.billing.border import Border
from gateway.billing.invoicing import draw_due
from gateway.billing.meters import export
from gateway.billing.reconcile import Report, reconcile
from gateway.billing.stripe_api import StripeApi
from gateway.billing.top_up import order_top_up, top_up_low
from gateway.billing.types import Sink
from gateway.catalog.read_toml import shipped
from gateway.catalog.types import Tier
from gateway.credit.types import Balance
from gateway.invoices import store as invoices
from gateway.invoices.types import Drawn
from gateway.jobs.collecting import send_step
from gateway.jobs.roll_up import roll_step
from gateway.kit import clock
from gateway.kit.clock import SECOND_US, from_rfc3339
from gateway.kit.db import Database
from tests.fixtures.ledger import Books, order
from tests.fixtures.stripe import FakeStripe

T = TypeVar("T")
Owner = tuple[str, str]
"""An account and a key of it."""
MILLION = 1_000_000
CENT = 10_000_000
USD = 100 * CENT
BOOK = msgspec.structs.replace(
    shipped(), version=1000, tiers=(Tier(10 * MILLION, 0), Tier(100 * MILLION, 10), Tier(None, 20))
)
INPUT, OUTPUT = 200, 600
"""Nano-dollars for a token."""
PUBLIC_URL = "https://gateway.test"


class World:
    """`do` runs what is asynchronous; `settle` lets everything happen that is due at both ends."""

    def __init__(
        self,
        database: Database,
        stripe: FakeStripe,
        *,
        sink: Sink = "invoice_items",
        tax: bool = False,
        api: StripeApi | None = None,
    ) -> None:
        self.stripe = stripe
        self.books = Books(database, BOOK)
        self.books.now = stripe.clock.now * SECOND_US
        self.database = database
        self.api = api or StripeApi(stripe.key, url=stripe.url, timeout_s=5.0)
        self.border = Border(
            database=database,
            api=self.api,
            webhook_secrets=(stripe.webhook_secret,),
            public_url=PUBLIC_URL,
            sink=sink,
            tax=tax,
        )
        assert database.write_now(lambda conn: store.keep_mode(conn, False, self.books.now)) is False

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.books.do(work)

    def close(self) -> None:
        self.do(self.api.close())
        self.books.close()

    # -- time

    def at(self, when: str) -> None:
        """Both clocks; Stripe does what is due by then."""
        self.go_to(from_rfc3339(when) // SECOND_US)

    def later(self, *, days: int = 0, hours: int = 0, seconds: int = 0) -> None:
        self.go_to(self.stripe.clock.now + days * 86_400 + hours * 3600 + seconds)

    def go_to(self, now_s: int) -> None:
        self.books.now = now_s * SECOND_US
        self.stripe.clock.set(now_s)

    # -- what customers do

    def account(self, usd: int = 0, *, limit_usd: int = 0) -> Owner:
        return self.books.account(usd * USD, limit=limit_usd * USD)

    def use(self, owner: Owner, inputs: int, outputs: int) -> int:
        """A request of so many tokens, all of text; what it cost."""
        wanted = order(owner, prompt=inputs * INPUT, tokens=max(1, outputs), price=OUTPUT * MILLION)
        writer = self.books.writer()  # one that was silent for months would be taken for dead
        hold = self.do(writer.hold(wanted))
        settled = self.do(writer.charge(self.books.charge(hold, outputs, inputs=inputs)))
        self.do(writer.close())
        return settled.event.cost_nanousd

    def order(self, owner: Owner, usd: int) -> str:
        """A top-up, as far as Stripe's page; its Checkout session."""
        account = self.database.read_now(lambda conn: find_account(conn, owner[0]))
        before = set(self.stripe.of("checkout.session"))
        self.do(order_top_up(self.border, account, usd * 100, "test"))
        (session,) = set(self.stripe.of("checkout.session")) - before
        return session

    def top_up(self, owner: Owner, usd: int, card: str = "pm_card_visa") -> str:
        """Ordered, paid and booked; the payment intent."""
        session = self.order(owner, usd)
        self.stripe.complete(session, card)
        self.settle()
        return str(self.stripe.one(session)["payment_intent"])

    # -- what runs beside

    def take(self, *events: Any) -> list[bool]:
        """Webhooks, delivered to the inbox by whoever carries them."""
        found = []
        for event in events:
            body, header = self.stripe.signed(event, at=int(time.time()))
            found.append(self.do(inbox.accept(self.border, body, header)))
            if event in self.stripe.outbox:
                self.stripe.outbox.remove(event)
        return found

    def settle(self, rounds: int = 8) -> None:
        """Everything that is due, as often as one thing leads to another."""
        for _ in range(rounds):
            self.roll_up()
            self.take(*self.stripe.pending())
            works = (inbox.step, send_step, top_up_low, draw_due, export)
            done = [self.do(work(self.border)) for work in works]
            if not any(done) and not self.stripe.pending():
                return

    def roll_up(self) -> None:
        while not self.do(roll_step(self.database)):
            pass

    # -- what there is

    def balance(self, owner: Owner) -> Balance:
        return self.books.balance(owner[0])

    def left(self, owner: Owner) -> int:
        """Nano-dollars: negative when it owes."""
        balance = self.balance(owner)
        return balance.granted_nanousd - balance.settled_nanousd

    def drawn(self, owner: Owner) -> list[Drawn]:
        return self.database.read_now(lambda conn: invoices.list_drawn(conn, owner[0]))

    def report(self) -> Report:
        return self.do(reconcile(self.border))

    def check(self) -> None:
        """Both books agree, and so does the ledger with itself."""
        assert (found := self.books.findings()) == (), found
        assert (differs := self.report().differences) == (), differs


@contextmanager
def world_of(
    database: Database, monkeypatch: pytest.MonkeyPatch, start: str = "2027-01-10T12:00:00Z", **options: Any
) -> Iterator[World]:
    """Whoever asks what time it is in the gateway's rooms is told the world's."""
    with FakeStripe() as stripe:
        stripe.clock.start_at(from_rfc3339(start) // SECOND_US)
        made: list[World] = []
        real = clock.now_us
        for name, module in list(sys.modules.items()):
            if name.startswith("gateway.") and getattr(module, "now_us", None) is real:
                monkeypatch.setattr(module, "now_us", lambda: made[0].books.now if made else real())
        made.append(World(database, stripe, **options))
        try:
            yield made[0]
        finally:
            made[0].close()
