"""Customers, cards, Checkout, payment intents, refunds, disputes: through the real library."""

from typing import Any

import pytest
import stripe

from tests.fixtures.stripe import FakeStripe
from tests.fixtures_stripe.buying import kinds, off_session, top_up


def test_a_customer_is_made_changed_listed_and_deleted(fake: FakeStripe, v1: Any) -> None:
    customer = v1.customers.create({"email": "a@b.test", "metadata": {"account": "acc_1", "old": "x"}})
    assert (customer.livemode, customer.created, customer.balance) == (False, fake.now, 0)
    changed = v1.customers.update(
        customer.id, {"name": "Ada", "address": {"country": "US"}, "metadata": {"old": ""}}
    )
    assert changed.metadata.to_dict() == {"account": "acc_1"}
    assert changed.address.country == "US"
    assert [each.id for each in v1.customers.list({"email": "a@b.test"})] == [customer.id]
    assert v1.customers.delete(customer.id).deleted
    assert v1.customers.retrieve(customer.id).deleted
    assert list(v1.customers.list()) == []
    assert kinds(fake) == ["customer.created", "customer.updated", "customer.deleted"]
    assert fake.pending("customer.updated")[0]["data"]["previous_attributes"]["name"] is None
    with pytest.raises(stripe.InvalidRequestError, match="No such customer") as refused:
        top_up(v1, customer.id)
    assert refused.value.code == "resource_missing"


def test_cards_are_attached_or_declined(fake: FakeStripe, v1: Any) -> None:
    customer = v1.customers.create().id
    card = v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    assert (card.customer, card.card.last4) == (customer, "4242")
    with pytest.raises(stripe.CardError) as declined:
        v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer})
    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")
    assert [each.id for each in v1.payment_methods.list({"customer": customer})] == [card.id]
    assert [each.id for each in v1.customers.payment_methods.list(customer)] == [card.id]
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})
    v1.payment_methods.detach(card.id)
    assert v1.customers.retrieve(customer).invoice_settings.default_payment_method is None
    assert kinds(fake)[-1] == "payment_method.detached"


def test_checkout_is_paid_and_saves_the_card(fake: FakeStripe, v1: Any) -> None:
    customer = v1.customers.create({"email": "a@b.test"}).id
    session = top_up(v1, customer, invoice_creation={"enabled": True})
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert session.url.startswith("https://checkout.stripe.com/")
    fake.complete(session.id)
    paid = v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "invoice", "line_items"]}
    )
    assert (paid.status, paid.payment_status, paid.amount_total, paid.url) == ("complete", "paid", 2000, None)
    intent = paid.payment_intent
    assert (intent.status, intent.metadata["topup"]) == ("succeeded", "1")
    line = intent.latest_charge.balance_transaction
    assert (line.amount, line.fee, line.net, line.type) == (2000, 88, 1912, "charge")
    assert (paid.invoice.status, paid.invoice.total, paid.invoice.lines.data[0].amount) == (
        "paid",
        2000,
        2000,
    )
    assert paid.line_items.data[0].description == "API credit"
    assert v1.checkout.sessions.line_items.list(session.id).data[0].amount_total == 2000
    assert [each.id for each in v1.checkout.sessions.list({"payment_intent": intent.id})] == [session.id]
    assert len(v1.payment_methods.list({"customer": customer}).data) == 1
    assert kinds(fake)[-1] == "checkout.session.completed"
    assert {"payment_intent.succeeded", "charge.succeeded", "invoice.paid"} < set(kinds(fake))
    assert fake.of("checkout.session")[session.id]["customer_details"]["email"] == "a@b.test"


def test_checkout_by_transfer_is_completed_before_it_is_paid(fake: FakeStripe, v1: Any) -> None:
    arrived, failed = top_up(v1, None), top_up(v1, None)
    for session, paid in ((arrived, True), (failed, False)):
        fake.complete(session.id, async_payment=True)
        assert v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
        fake.settle(session.id, paid=paid)
    assert v1.checkout.sessions.retrieve(arrived.id).payment_status == "paid"
    assert v1.checkout.sessions.retrieve(failed.id).payment_status == "unpaid"
    told = [kind for kind in kinds(fake) if kind.startswith("checkout.")]
    assert told == [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
        "checkout.session.async_payment_failed",
    ]


def test_checkout_lapses_or_is_expired_and_never_twice(fake: FakeStripe, v1: Any) -> None:
    early, late = top_up(v1, None), top_up(v1, None)
    assert v1.checkout.sessions.expire(early.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        v1.checkout.sessions.expire(early.id)
    fake.clock.advance(days=1)
    assert v1.checkout.sessions.retrieve(late.id).status == "expired"
    assert kinds(fake) == ["checkout.session.expired"] * 2
    with pytest.raises(AssertionError, match="expired"):
        fake.complete(late.id)


def test_checkout_with_a_bad_card_stays_open(fake: FakeStripe, v1: Any) -> None:
    session = top_up(v1, v1.customers.create().id)
    fake.complete(session.id, card="pm_card_chargeDeclined")
    assert v1.checkout.sessions.retrieve(session.id).status == "open"
    assert "payment_intent.payment_failed" in kinds(fake)
    fake.complete(session.id)
    assert v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert len(fake.of("payment_intent")) == 1


def test_checkout_may_be_paid_otherwise_than_asked(fake: FakeStripe, v1: Any) -> None:
    altered, coupon = top_up(v1, None), top_up(v1, None)
    fake.complete(altered.id, amount=100)
    assert fake.of("payment_intent").popitem()[1]["amount_received"] == 100
    fake.complete(coupon.id, amount=0)
    assert v1.checkout.sessions.retrieve(coupon.id).payment_status == "no_payment_required"


def test_checkout_without_money_saves_a_card(fake: FakeStripe, v1: Any) -> None:
    customer = v1.customers.create().id
    session = v1.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "customer": customer, "success_url": "https://tollway.test"}
    )
    fake.complete(session.id)
    saved = v1.setup_intents.retrieve(v1.checkout.sessions.retrieve(session.id).setup_intent).payment_method
    assert [card.id for card in v1.payment_methods.list({"customer": customer})] == [saved]


def test_checkout_refuses_too_little_and_other_currencies(v1: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"\$0\.50") as little:
        top_up(v1, None, cents=49)
    assert little.value.code == "amount_too_small"
    data = {"currency": "eur", "unit_amount": 500, "product_data": {"name": "x"}}
    with pytest.raises(stripe.InvalidRequestError, match="US dollars"):
        top_up(v1, None, line_items=[{"price_data": data}])


def test_a_saved_card_pays_until_it_does_not(fake: FakeStripe, v1: Any) -> None:
    customer = v1.customers.create().id
    card = fake.save_card(customer)
    intent = off_session(v1, customer, card)
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    fake.card_fails(card, "insufficient_funds")
    with pytest.raises(stripe.CardError) as declined:
        off_session(v1, customer, card)
    assert (declined.value.code, declined.value.error.decline_code) == ("card_declined", "insufficient_funds")
    failed = v1.payment_intents.retrieve(declined.value.error.payment_intent.id)
    assert (failed.status, failed.last_payment_error.decline_code) == (
        "requires_payment_method",
        "insufficient_funds",
    )
    assert kinds(fake)[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    fake.card_fails(card, None)
    assert v1.payment_intents.confirm(failed.id, {"payment_method": card}).status == "succeeded"
    assert len(v1.payment_intents.list({"customer": customer}).data) == 2
    assert len(v1.charges.list({"customer": customer}).data) == 3
    assert len(v1.balance_transactions.list({"type": "charge"}).data) == 2


def test_a_card_that_failed_later_was_fine_while_somebody_was_there(fake: FakeStripe, v1: Any) -> None:
    customer = v1.customers.create().id
    fake.complete(top_up(v1, customer).id, card="pm_card_visa_chargeDeclinedLater")
    card = v1.payment_methods.list({"customer": customer}).data[0].id
    with pytest.raises(stripe.CardError):
        off_session(v1, customer, card)


def test_a_card_of_somebody_else_pays_nothing(fake: FakeStripe, v1: Any) -> None:
    mine, theirs = v1.customers.create().id, v1.customers.create().id
    with pytest.raises(stripe.InvalidRequestError, match="attached to the customer"):
        off_session(v1, mine, fake.save_card(theirs))


def test_an_intent_waits_is_changed_and_cancelled(v1: Any) -> None:
    intent = v1.payment_intents.create({"amount": 500, "currency": "usd"})
    assert v1.payment_intents.update(intent.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        v1.payment_intents.confirm(intent.id)
    assert v1.payment_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})


def test_refunds_go_back_in_parts_and_never_too_much(fake: FakeStripe, v1: Any) -> None:
    customer = v1.customers.create().id
    intent = off_session(v1, customer, fake.save_card(customer))
    part = v1.refunds.create({"payment_intent": intent.id, "amount": 500, "metadata": {"why": "x"}})
    assert (part.status, part.charge) == ("succeeded", intent.latest_charge)
    with pytest.raises(stripe.InvalidRequestError, match=r"\$15\.01\) is greater than .*\$15\.00"):
        v1.refunds.create({"charge": intent.latest_charge, "amount": 1501})
    assert v1.refunds.create({"charge": intent.latest_charge}).amount == 1500
    with pytest.raises(stripe.InvalidRequestError) as again:
        v1.refunds.create({"charge": intent.latest_charge})
    assert again.value.code == "charge_already_refunded"
    charge = v1.charges.retrieve(intent.latest_charge)
    assert (charge.refunded, charge.amount_refunded) == (True, 2000)
    assert [each.amount for each in v1.refunds.list({"payment_intent": intent.id})] == [1500, 500]
    lines = v1.balance_transactions.list({"source": part.id}).data
    assert [(line.amount, line.fee, line.type) for line in lines] == [(-500, 0, "refund")]
    assert kinds(fake)[-4:] == ["charge.refunded", "refund.created"] * 2
    fake.fail_refund(part.id)
    assert v1.refunds.retrieve(part.id).status == "failed"
    assert v1.charges.retrieve(intent.latest_charge).amount_refunded == 1500


@pytest.mark.parametrize("won", [True, False])
def test_a_dispute_takes_the_money_and_may_give_it_back(fake: FakeStripe, v1: Any, won: bool) -> None:
    customer = v1.customers.create().id
    intent = off_session(v1, customer, fake.save_card(customer))
    dispute = fake.dispute(intent.id)
    assert v1.disputes.retrieve(dispute["id"]).status == "needs_response"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"
    fake.close_dispute(dispute["id"], won=won)
    lines = v1.balance_transactions.list({"source": dispute["id"], "type": "adjustment"}).data
    assert [(line.amount, line.fee, line.net) for line in lines[::-1]] == [
        (-2000, 1500, -3500),
        *([(2000, 0, 2000)] if won else []),
    ]
    told = [kind for kind in kinds(fake) if kind.startswith("charge.dispute")]
    more = ["charge.dispute.funds_reinstated"] if won else []
    assert told == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
        *more,
    ]
    assert [each.id for each in v1.disputes.list({"payment_intent": intent.id})] == [dispute["id"]]


def test_the_balance_matures(fake: FakeStripe, v1: Any) -> None:
    customer = v1.customers.create().id
    off_session(v1, customer, fake.save_card(customer))
    assert v1.balance.retrieve().pending[0].amount == 1912
    fake.clock.advance(days=3)
    assert v1.balance.retrieve().available[0].amount == 1912
    assert v1.accounts.retrieve_current().id == fake.account_id
