"""The rarer ways through the endpoints, and what they refuse."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.fixtures.stripe import FakeStripe
from tests.fixtures_stripe.buying import bill, kinds, off_session, top_up


@pytest.fixture
def customer(v1: Any) -> str:
    return v1.customers.create().id  # type: ignore[no-any-return]


def test_a_card_may_ask_who_you_are(fake: FakeStripe, v1: Any, customer: str) -> None:
    card = fake.save_card(customer, "pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as refused:
        off_session(v1, customer, card)
    assert refused.value.code == "authentication_required"
    there = v1.payment_intents.create(
        {"amount": 900, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    )
    assert there.status == "requires_action"
    fake.complete(top_up(v1, customer).id, card="pm_card_authenticationRequired")
    assert kinds(fake)[-1] == "checkout.session.completed"


def test_what_is_changed_afterwards(fake: FakeStripe, v1: Any, customer: str) -> None:
    intent = off_session(v1, customer, fake.save_card(customer))
    refund = v1.refunds.create({"payment_intent": intent.id, "amount": 5})
    assert v1.refunds.update(refund.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"
    assert kinds(fake)[-1] == "refund.updated"
    session = top_up(v1, customer)
    assert v1.checkout.sessions.update(session.id, {"metadata": {"topup": ""}}).metadata.to_dict() == {}
    draft = bill(v1, customer, 700)
    assert v1.invoices.update(draft.id, {"footer": "Thanks"}).footer == "Thanks"
    item = v1.invoice_items.list({"invoice": draft.id}).data[0]
    v1.invoice_items.update(item.id, {"metadata": {"line": "9"}, "description": "new"})
    assert v1.invoices.retrieve(draft.id).lines.data[0].metadata["line"] == "9"
    v1.invoice_items.delete(item.id)
    assert v1.invoices.retrieve(draft.id).total == 0
    price = v1.prices.create({"product_data": {"name": "x"}, "currency": "usd", "unit_amount": 150})
    v1.invoice_items.create({"invoice": draft.id, "pricing": {"price": price.id}, "quantity": 3})
    line = v1.invoices.retrieve(draft.id).lines.data[0]
    assert (line.amount, line.quantity, line.pricing.price_details.price) == (450, 3, price.id)
    v1.customers.update(customer, {"balance": 70})
    assert v1.customers.balance_transactions.list(customer).data[0].type == "adjustment"


def test_we_may_give_a_dispute_up(fake: FakeStripe, v1: Any, customer: str) -> None:
    dispute = fake.dispute(off_session(v1, customer, fake.save_card(customer)).latest_charge, amount=700)
    assert v1.disputes.close(dispute["id"]).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        v1.disputes.close(dispute["id"])


def test_things_are_found_by_their_id(fake: FakeStripe, v1: Any, customer: str) -> None:
    card = fake.save_card(customer)
    intent = off_session(v1, customer, card)
    charge = v1.charges.retrieve(intent.latest_charge)
    assert v1.payment_methods.retrieve(card).customer == customer
    assert v1.balance_transactions.retrieve(charge.balance_transaction).source == charge.id
    invoice = bill(v1, customer, 700)
    v1.invoices.pay(invoice.id)
    payment = v1.invoice_payments.list({"invoice": invoice.id}).data[0]
    assert v1.invoice_payments.retrieve(payment.id).amount_paid == 700
    note = v1.credit_notes.create({"invoice": invoice.id, "amount": 5, "credit_amount": 5})
    assert v1.credit_notes.retrieve(note.id).number == note.number
    endpoint = v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    assert v1.webhook_endpoints.retrieve(endpoint.id).url == endpoint.url
    assert v1.webhook_endpoints.delete(endpoint.id).deleted
    item = v1.invoice_items.list({"invoice": invoice.id}).data[0]
    assert v1.invoice_items.retrieve(item.id).amount == 700


def test_a_refund_ordered_first_is_linked_to_its_credit_note(
    fake: FakeStripe, v1: Any, customer: str
) -> None:
    fake.save_card(customer)
    invoice = bill(v1, customer, 700)
    paid = v1.invoices.pay(invoice.id, {"expand": ["payments"]})
    refund = v1.refunds.create(
        {"payment_intent": paid.payments.data[0].payment.payment_intent, "amount": 200}
    )
    note = v1.credit_notes.create({"invoice": invoice.id, "amount": 200, "refunds": [{"refund": refund.id}]})
    assert (note.refunds[0].refund, note.refunds[0].amount_refunded) == (refund.id, 200)
    assert len(fake.of("refund")) == 1


def test_a_test_clock_moves_the_clock(fake: FakeStripe, v1: Any) -> None:
    clock = v1.test_helpers.test_clocks.create({"frozen_time": fake.now + 60})
    owner = v1.customers.create({"test_clock": clock.id})
    assert owner.test_clock == clock.id
    moved = v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": fake.now + 86_400})
    assert (moved.status, moved.frozen_time) == ("ready", fake.now)
    with pytest.raises(stripe.InvalidRequestError, match="forwards"):
        v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": 5})
    assert v1.test_helpers.test_clocks.retrieve(clock.id).frozen_time == fake.now
    assert v1.test_helpers.test_clocks.delete(clock.id).deleted


Ask = Callable[[Any, str], Any]
INTENT: dict[str, Any] = {"amount": 500, "currency": "usd"}
ITEM: dict[str, Any] = {"amount": 500, "currency": "usd"}
SESSION: dict[str, Any] = {"mode": "payment", "success_url": "https://tollway.test", "line_items": []}


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda v1, _: v1.payment_intents.create({**INTENT, "amount": 49}), "at least"),
        (lambda v1, _: v1.payment_intents.create({**INTENT, "amount": 0}), "greater than or equal to 1"),
        (lambda v1, _: v1.payment_intents.create({**INTENT, "amount": 10**9}), "no more than"),
        (lambda v1, _: v1.payment_intents.create({**INTENT, "currency": "eur"}), "US dollars"),
        (lambda v1, _: v1.payment_intents.create({**INTENT, "off_session": True}), "confirm"),
        (lambda v1, _: v1.refunds.create({"amount": 5}), "payment_intent or charge"),
        (lambda v1, _: v1.refunds.create({"payment_intent": v1.payment_intents.create(INTENT).id}), "successful"),
        (lambda v1, _: v1.payment_methods.detach("pm_none"), "No such PaymentMethod"),
        (lambda v1, _: v1.checkout.sessions.create({**SESSION, "mode": "subscription"}), "mode"),
        (lambda v1, _: v1.checkout.sessions.create({"mode": "payment"}), "success_url"),
        (lambda v1, _: v1.checkout.sessions.create(SESSION), "at least one line item"),
        (lambda v1, _: v1.checkout.sessions.create({**SESSION, "expires_at": 5}), "between 30 minutes"),
        (lambda v1, _: v1.checkout.sessions.create({**SESSION, "line_items": [{"quantity": 1}]}), "price_data"),
        (lambda v1, _: v1.invoice_items.create(ITEM), "Missing required param: customer"),
        (lambda v1, c: v1.invoice_items.create({"customer": c}), "must specify one of"),
        (lambda v1, c: v1.invoice_items.create({**ITEM, "customer": c, "quantity": 2}), "cannot be combined"),
        (lambda v1, c: v1.invoice_items.create({**ITEM, "customer": c, "currency": "eur"}), "US dollars"),
        (
            lambda v1, c: v1.invoice_items.create({**ITEM, "customer": c, "period": {"start": 2, "end": 1}}),
            "before its start",
        ),
        (
            lambda v1, c: v1.invoice_items.create({**ITEM, "customer": c, "invoice": bill(v1, v1.customers.create().id).id}),
            "not the same",
        ),
        (lambda v1, _: v1.invoices.create({}), "Missing required param: customer"),
        (lambda v1, c: v1.invoices.create({"customer": c, "currency": "eur"}), "US dollars"),
        (lambda v1, c: v1.invoices.create({"customer": c, "days_until_due": 5}), "send_invoice"),
        (lambda v1, c: v1.invoices.void_invoice(bill(v1, c, 700).id), "only void open"),
        (lambda v1, c: v1.invoices.mark_uncollectible(bill(v1, c, 700).id), "only mark open"),
        (lambda v1, c: v1.credit_notes.create({"invoice": bill(v1, c, 700).id, "amount": 5}), "open or paid"),
        (lambda v1, c: v1.subscriptions.create({"customer": c}), "Missing required param: items"),
        (lambda v1, c: v1.customers.update(c, {"invoice_settings": {"default_payment_method": "pm_x"}}), "No such"),
        (lambda v1, c: v1.customers.list({"expand": ["data.a.b.c.d"]}), "more than 4 levels"),
        (lambda v1, _: v1.customers.create({}, {"idempotency_key": "k" * 256}), "at most 255"),
        (lambda v1, _: v1.customers.create({"description": "x" * 5001}), "at most 5000"),
        (lambda v1, _: v1.payment_intents.create({**INTENT, "confirm": "yes"}), "Invalid boolean"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(fake: FakeStripe, v1: Any, customer: str, ask: Ask, words: str) -> None:
    with pytest.raises(stripe.StripeError, match=words) as refused:
        ask(v1, customer)
    assert refused.value.http_status in {400, 404}
