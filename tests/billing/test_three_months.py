"""The life of four customers over three months, and at every step both books agree to the nano-dollar and to the cent.

Ada pays in advance, is refunded, disputes, and is let in again; Bob is invoiced, does not pay, and pays after all; Cleo
lives on free credit and owes little; Dan's card pays by itself.
"""

import pytest

from gateway.accounts.store import list_suspensions
from gateway.accounts.suspend import lift
from gateway.billing.store import find_sent
from gateway.credit.give import give
from gateway.errors import Conflict
from gateway.kit.db import ReadConn
from gateway.payments import store as payments
from gateway.payments.book import owed
from gateway.payments.types import AutoTopUp
from tests.billing.explaining import explain
from tests.billing.world import CENT, MILLION, USD, Owner, World


class Lives:
    def __init__(self, world: World) -> None:
        self.world = world
        self.ada = world.account()
        self.bob = world.account(limit_usd=500)
        self.cleo = world.account(limit_usd=50)
        self.dan = world.account()
        self.everybody = (self.ada, self.bob, self.cleo, self.dan)

    def check(self) -> None:
        """Every difference is zero, and each line of each invoice follows from its receipts."""
        self.world.settle()
        self.world.check()
        for owner in self.everybody:
            for drawn in self.world.drawn(owner):
                self.world.database.read_now(lambda conn, drawn=drawn: explain(conn, drawn))  # type: ignore[misc]

    def month_ends(self, then: str) -> None:
        self.world.at(then)
        self.check()
        self.world.later(hours=3)  # Stripe collects an hour after it was told to
        self.check()

    def suspended(self, owner: Owner) -> list[str]:
        def reasons(conn: ReadConn) -> list[str]:
            return [each.reason for each in list_suspensions(conn, owner[0])]

        return self.world.database.read_now(reasons)

    def owed(self, owner: Owner) -> int:
        return owed(self.world.database.read_now(lambda conn: payments.list_standings(conn, owner[0])))


@pytest.fixture
def lives(world: World) -> Lives:
    return Lives(world)


def test_three_months(lives: Lives) -> None:
    first = january(lives)
    february(lives, first)
    march(lives)
    report = lives.world.report()
    assert report.differences == ()
    assert (report.payments, report.reversals) == (9, 2)
    assert report.rounding_nanousd == sum(
        each.invoice.rounding_nanousd for owner in lives.everybody for each in lives.world.drawn(owner)
    )


def january(lives: Lives) -> tuple[str, str]:
    """Top-ups, tiers, free credit; Ada's two payments."""
    world = lives.world
    world.at("2027-01-12T09:00:00Z")
    payments_of_ada = world.top_up(lives.ada, 50), world.top_up(lives.ada, 20)
    assert world.left(lives.ada) == 70 * USD
    # Ten million tokens at the list price, two million 10 % lower: 10 x 0.20 + 2 x 0.18.
    assert world.use(lives.ada, 12 * MILLION, 0) == 236 * CENT
    world.top_up(lives.bob, 5)  # his first invoice has a credit on it, and a card to be charged to
    assert world.use(lives.bob, 30 * MILLION, 12_345_678) == 5_600_000_000 + 6_000_000_000 + 1_266_666_120
    world.database.write_now(
        lambda conn: give(conn, lives.cleo[0], 5 * USD, kind="promotion", reason="welcome")
    )
    assert world.use(lives.cleo, 2 * MILLION, MILLION) == 100 * CENT
    world.top_up(lives.dan, 10)
    lives.check()
    assert world.drawn(lives.bob) == [], "the month still runs"

    lives.month_ends("2027-02-01T01:30:00Z")
    (bob,) = world.drawn(lives.bob)
    assert [line.cents for line in bob.lines] == [200, 360, 600, 127, -500]
    assert (bob.invoice.total_cents, bob.invoice.owed_nanousd, bob.state) == (787, 7_866_666_120, "paid")
    assert world.left(lives.bob) == 0, "exactly what was owed is paid, whatever rounding made of it"
    (cleo,) = world.drawn(lives.cleo)
    assert (cleo.invoice.total_cents, cleo.state) == (0, "settled")
    assert world.drawn(lives.ada) == world.drawn(lives.dan) == [], "who pays in advance owes nothing"
    return payments_of_ada


def february(lives: Lives, ada_paid: tuple[str, str]) -> None:
    """A refund, a dispute, an invoice that nobody pays, a top-up that pays a debt, an amount too small to be charged."""
    world, (large, small) = lives.world, ada_paid
    world.at("2027-02-08T10:00:00Z")
    before = world.left(lives.ada)
    world.do(world.api.v1.refunds.create_async({"payment_intent": large, "amount": 1_500}))
    world.stripe.dispute(small)
    lives.check()
    assert before - world.left(lives.ada) == 35 * USD
    assert lives.suspended(lives.ada) == ["a payment was disputed"]
    dispute = next(iter(world.stripe.of("dispute")))
    world.stripe.close_dispute(dispute, won=False)
    lives.check()
    assert before - world.left(lives.ada) == 35 * USD, "lost, and taken once"
    world.database.write_now(lambda conn: lift(conn, lives.ada[0], dispute, world.books.now))
    assert lives.suspended(lives.ada) == []

    world.use(lives.bob, 0, 40 * MILLION)
    (card,) = {
        each["payment_method"]
        for each in world.stripe.of("charge").values()
        if each["customer"] == customer(lives, lives.bob)
    }
    world.stripe.card_fails(card)
    world.use(lives.cleo, 0, 7 * MILLION)  # 4.20, of which 4.00 are free
    assert world.left(lives.cleo) == -20 * CENT
    lives.month_ends("2027-03-01T01:30:00Z")
    bob = world.drawn(lives.bob)[-1]
    assert (bob.invoice.total_cents, bob.state) == (600 + 1_620, "failed")
    cleo = world.drawn(lives.cleo)[-1]
    assert (cleo.invoice.total_cents, cleo.state) == (20, "carried")
    assert [line.cents for line in cleo.lines] == [420, -400]


def march(lives: Lives) -> None:
    """Bob is suspended and pays; Cleo's small amount comes with the next; Dan's card pays by itself, within his limit."""
    world = lives.world
    world.at("2027-03-09T08:00:00Z")
    remote = sent(lives, lives.bob)
    world.do(world.api.v1.invoices.mark_uncollectible_async(remote))
    lives.check()
    assert lives.suspended(lives.bob) == ["the invoice of 2027-02 was not paid"]
    card = world.stripe.save_card(customer(lives, lives.bob))
    world.do(world.api.v1.invoices.pay_async(remote, {"payment_method": card}))
    lives.check()
    assert lives.suspended(lives.bob) == []
    assert world.left(lives.bob) == 0

    world.use(lives.cleo, 10 * MILLION, 0)
    world.top_up(lives.cleo, 5)  # pays what is owed first, and that is not asked for again
    assert world.left(lives.cleo) == (500 - 20 - 200) * CENT

    rule = AutoTopUp(
        account_id=lives.dan[0],
        below_nanousd=4 * USD,
        cents=2_000,
        daily_cents_max=2_000,
        by="dan",
        since_us=0,
    )
    world.database.write_now(lambda conn: payments.save_auto_top_up(conn, rule))
    world.use(lives.dan, 0, 11 * MILLION)
    lives.check()
    assert world.left(lives.dan) == (1_000 - 654 + 2_000) * CENT, "3.46 were left, which is less than 4"
    world.use(lives.dan, 0, 40 * MILLION)
    lives.check()
    assert world.left(lives.dan) == (2_346 - 2_160) * CENT, "once a day is enough for him"
    world.later(days=1)
    lives.check()
    assert world.left(lives.dan) == (2_346 - 2_160 + 2_000) * CENT

    lives.month_ends("2027-04-01T01:30:00Z")
    cleo = world.drawn(lives.cleo)[-1]
    assert [(line.kind, line.cents) for line in cleo.lines] == [
        ("usage", 200), ("carried", 20), ("payment", -220),
    ]  # fmt: skip
    assert (cleo.invoice.total_cents, cleo.state) == (0, "settled")


def customer(lives: Lives, owner: Owner) -> str:
    return next(
        key
        for key, each in lives.world.stripe.of("customer").items()
        if each["metadata"]["account_id"] == owner[0]
    )


def sent(lives: Lives, owner: Owner) -> str:
    """The account's last invoice, at Stripe."""
    name = lives.world.drawn(owner)[-1].invoice.id
    return lives.world.database.read_now(lambda conn: find_sent(conn, [name]))[name].remote_id


def test_what_is_spent_cannot_be_taken_back_and_is_owed(world: World) -> None:
    """The next payment pays it before it is credit."""
    lives = Lives(world)
    intent = world.top_up(lives.ada, 10)
    world.use(lives.ada, 0, 10 * MILLION)
    world.do(world.api.v1.refunds.create_async({"payment_intent": intent}))
    world.settle()
    assert world.left(lives.ada) == 0
    assert lives.owed(lives.ada) == 6 * USD
    world.check()
    world.top_up(lives.ada, 20)
    assert world.left(lives.ada) == 14 * USD
    assert lives.owed(lives.ada) == 0
    world.check()
    with pytest.raises(Conflict, match="more than"):
        world.database.write_now(
            lambda conn: give(conn, lives.ada[0], -15 * USD, kind="correction", reason="too much")
        )
