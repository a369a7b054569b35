"""News in any order: the end first, the refund before its payment.  What is booked is how things stand at Stripe."""

from typing import Any

from gateway.accounts.store import list_suspensions
from gateway.billing import inbox, store
from tests.billing.telling import event, payments_of, told
from tests.billing.world import MILLION, USD, World


def test_everything_backwards(world: World) -> None:
    """Paid, partly refunded, disputed, won: told from its end to its beginning, each piece twice."""
    owner = world.account()
    session = world.order(owner, 20)
    world.stripe.complete(session)
    intent = str(world.stripe.one(session)["payment_intent"])
    world.do(world.api.v1.refunds.create_async({"payment_intent": intent, "amount": 500}))
    dispute = world.stripe.dispute(intent)
    world.stripe.close_dispute(dispute["id"], won=True)
    for each in reversed(world.stripe.pending()):
        world.take(each, each)
        world.do(inbox.step(world.border))
    assert (world.left(owner), payments_of(world, owner)) == (15 * USD, 1)
    assert world.database.read_now(lambda conn: list_suspensions(conn, owner[0])) == []
    world.check()


def test_refund_and_dispute_before_their_payment(world: World) -> None:
    owner = world.account()
    session = world.order(owner, 20)
    world.stripe.complete(session)
    intent = str(world.stripe.one(session)["payment_intent"])
    refund: Any = world.do(world.api.v1.refunds.create_async({"payment_intent": intent, "amount": 500}))
    dispute = world.stripe.dispute(intent)
    assert told(world, event("refund.created", refund.id)) == "taken back"
    assert told(world, event("charge.dispute.created", dispute["id"])) == "needs_response: taken back"
    assert told(world, event("checkout.session.completed", session)) == "booked before"
    assert told(world, event("refund.updated", refund.id)) == "taken back before"
    assert told(world, event("charge.dispute.funds_withdrawn", dispute["id"])) == "needs_response: known"
    assert world.left(owner) == 0
    assert len(world.database.read_now(lambda conn: list_suspensions(conn, owner[0]))) == 1
    world.settle()
    world.check()


def test_closed_before_created(world: World) -> None:
    owner = world.account()
    intent = world.top_up(owner, 20)
    dispute = world.stripe.dispute(intent)["id"]
    created = world.stripe.pending("charge.dispute.created")
    world.stripe.close_dispute(dispute, won=True)
    assert told(world, *world.stripe.pending("charge.dispute.closed")) == "won: taken back"
    assert told(world, *created) == "won: known"
    world.settle()
    assert world.left(owner) == 20 * USD
    world.check()


def test_a_question_moves_no_money(world: World) -> None:
    owner = world.account()
    dispute = world.stripe.dispute(world.top_up(owner, 20))
    for status in ("warning_needs_response", "warning_under_review", "warning_closed", "prevented"):
        dispute["status"] = status
        assert (
            told(world, event("charge.dispute.updated", dispute["id"], id=status))
            == "an inquiry; no money moved"
        )
    assert world.left(owner) == 20 * USD


def test_a_refund_of_an_invoice_before_it_is_paid_here(world: World) -> None:
    """Its intent names neither a top-up nor a session: the invoice does."""
    owner = world.account(limit_usd=50)
    world.use(owner, 0, 20 * MILLION)
    world.at("2027-02-01T01:30:00Z")
    world.settle()
    (drawn,) = world.drawn(owner)
    remote = world.database.read_now(lambda conn: store.find_sent(conn, [drawn.invoice.id]))[drawn.invoice.id]
    card = world.stripe.save_card(next(iter(world.stripe.of("customer"))))
    world.do(world.api.v1.invoices.pay_async(remote.remote_id, {"payment_method": card}))
    (intent,) = world.stripe.of("payment_intent")
    refund: Any = world.do(world.api.v1.refunds.create_async({"payment_intent": intent}))
    assert told(world, event("refund.created", refund.id)) == "taken back"
    assert told(world, *world.stripe.pending("invoice.paid")) == "paid"
    world.settle()
    assert (payments_of(world, owner), world.left(owner)) == (1, 0)
    world.check()


def test_paid_before_finalized(world: World) -> None:
    owner = world.account(limit_usd=50)
    world.use(owner, 0, 20 * MILLION)
    world.top_up(owner, 5)  # saves a card
    world.use(owner, 0, 20 * MILLION)
    world.at("2027-02-01T01:30:00Z")
    world.settle()
    world.later(hours=3)
    paid, finalized = world.stripe.pending("invoice.paid"), world.stripe.of("invoice")
    assert told(world, *paid) == "paid"
    name = list(finalized)[-1]
    assert told(world, event("invoice.finalized", name, id="late")) == "paid"
    assert (world.drawn(owner)[0].state, world.left(owner)) == ("paid", 0)
    world.check()
