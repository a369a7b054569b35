"""Messages that are signed and untrue, as from somebody who has the secret: nothing is credited that was not paid, nothing twice."""

from collections.abc import Callable
from typing import Any

from tests.billing.telling import event, outcomes, payments_of, told
from tests.billing.world import USD, Owner, World


def test_three_times_is_once(world: World) -> None:
    owner = world.account()
    session = world.order(owner, 20)
    world.stripe.complete(session)
    (completed,) = world.stripe.pending("checkout.session.completed")
    assert [world.take(completed) for _ in range(3)] == [[True], [False], [False]]
    world.settle()
    assert told(world, event("checkout.session.completed", session)) == "booked before"
    assert (world.left(owner), payments_of(world, owner)) == (20 * USD, 1)
    world.check()


def _anothers_order(world: World, owner: Owner, session: str) -> str:
    """Bob's Checkout, under the number of an order of Ada's."""
    bob = world.account()
    theirs = world.order(bob, 20)
    world.stripe.one(theirs)["client_reference_id"] = world.stripe.one(session)["client_reference_id"]
    world.stripe.complete(theirs)
    return theirs


def _no_order(world: World, owner: Owner, session: str) -> str:
    world.stripe.one(session)["client_reference_id"] = "top_nobody"
    world.stripe.complete(session)
    return session


def _not_ours(world: World, owner: Owner, session: str) -> str:
    world.stripe.one(session)["client_reference_id"] = None
    world.stripe.complete(session)
    return session


def _other_currency(world: World, owner: Owner, session: str) -> str:
    world.stripe.complete(session)
    world.stripe.one(session)["currency"] = "jpy"
    return session


def _currency_of_the_charge(world: World, owner: Owner, session: str) -> str:
    world.stripe.complete(session)
    world.stripe.one(world.stripe.one(session)["payment_intent"])["currency"] = "jpy"
    return session


def _other_price(world: World, owner: Owner, session: str) -> str:
    world.stripe.complete(session)
    world.stripe.one(session)["amount_subtotal"] = 2_000_000
    return session


def _less(world: World, owner: Owner, session: str) -> str:
    world.stripe.complete(session, amount=100)
    return session


def _nothing(world: World, owner: Owner, session: str) -> str:
    world.stripe.complete(session, amount=0)
    return session


def _unpaid(world: World, owner: Owner, session: str) -> str:
    world.stripe.complete(session, async_payment=True)
    return session


def _declined(world: World, owner: Owner, session: str) -> str:
    world.stripe.complete(session, "pm_card_chargeDeclined")
    return session


def _live_one(world: World, owner: Owner, session: str) -> str:
    world.stripe.complete(session)
    world.stripe.one(session)["livemode"] = True
    return session


def _unknown(world: World, owner: Owner, session: str) -> str:
    return "cs_nobody"


Forge = Callable[[World, Owner, str], str]
FORGED: dict[Forge, str] = {
    _anothers_order: "was ordered as",
    _no_order: "not ordered here",
    _not_ours: "not ordered here",
    _other_currency: "was ordered as",
    _currency_of_the_charge: "jpy",
    _other_price: "was ordered as",
    _less: "with 100 cents",
    _nothing: "nothing was paid",
    _unpaid: "not paid yet",
    _declined: "not paid yet",
    _live_one: "was ordered as",
    _unknown: "No such",
}


def test_with_a_stolen_secret(world: World) -> None:
    """Whoever has the secret can say that something happened; what did, is asked of Stripe, and compared with the order."""
    for forge, words in FORGED.items():
        owner = world.account()
        session = forge(world, owner, world.order(owner, 20))
        for kind in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
            outcome = told(world, event(kind, session, id=f"evt_{kind}{forge.__name__}"))
            assert outcome is not None and words in outcome, forge
            assert outcome.startswith("refused: ") is (not words.startswith("not ")), forge
        assert (world.left(owner), payments_of(world, owner)) == (0, 0), forge


def test_foreign_payments(world: World) -> None:
    owner = world.account()
    order = world.stripe.one(world.order(owner, 20))["client_reference_id"]
    new: dict[str, Any] = {
        "amount": 2_000,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
    }
    about = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    for metadata, words in (
        ({}, "not ordered here"),
        ({"top_up_id": "top_nobody"}, "not ordered here"),
        ({"top_up_id": order}, "its Checkout session says so"),
    ):
        made: Any = world.do(
            world.api.v1.payment_intents.create_async({**new, **about, "metadata": metadata})
        )
        assert told(world, event("payment_intent.succeeded", made.id)) == words
        refund: Any = world.do(world.api.v1.refunds.create_async({"payment_intent": made.id}))
        assert told(world, event("refund.created", refund.id)) == "not ordered here"
    assert (world.left(owner), payments_of(world, owner)) == (0, 0)


def test_a_receipt_of_checkout_is_no_invoice_of_ours(world: World) -> None:
    owner = world.account()
    world.top_up(owner, 20)
    (receipt,) = world.stripe.of("invoice")
    assert outcomes(world)[f"invoice.paid {receipt}"] == "not drawn here"
