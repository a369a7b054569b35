"""Invoices, their items, credit notes: through the real library."""

from decimal import Decimal
from typing import Any

import pytest
import stripe

from tests.fixtures.stripe import FakeStripe
from tests.fixtures_stripe.buying import bill, kinds


@pytest.fixture
def customer(v1: Any) -> str:
    return v1.customers.create({"email": "a@b.test", "address": {"country": "US"}}).id  # type: ignore[no-any-return]


def test_a_draft_becomes_final_and_paid(fake: FakeStripe, v1: Any, customer: str) -> None:
    invoice = bill(v1, customer, 1505, 300, -105)
    draft = v1.invoices.retrieve(invoice.id)
    assert (draft.status, draft.number, draft.total, draft.hosted_invoice_url) == ("draft", None, 1700, None)
    assert [line.amount for line in v1.invoices.line_items.list(invoice.id)] == [1505, 300, -105]
    assert draft.lines.data[0].metadata["line"] == "0"
    final = v1.invoices.finalize_invoice(invoice.id)
    assert (final.status, final.amount_due, final.amount_remaining) == ("open", 1700, 1700)
    assert final.number.endswith("-0001") and final.invoice_pdf.startswith("https://")
    with pytest.raises(stripe.InvalidRequestError, match="default_payment_method"):
        v1.invoices.pay(invoice.id)
    fake.save_card(customer)
    paid = v1.invoices.pay(invoice.id, {"expand": ["payments.data.payment.payment_intent"]})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1700, 0)
    intent = paid.payments.data[0].payment.payment_intent
    assert intent.amount_received == 1700
    found = v1.invoice_payments.list({"payment": {"type": "payment_intent", "payment_intent": intent.id}})
    assert [payment.invoice for payment in found] == [invoice.id]
    told = [kind for kind in kinds(fake) if kind.startswith("invoice.")]
    assert told == ["invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_succeeded"]
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        v1.invoices.pay(invoice.id)


def test_a_card_that_fails_leaves_the_invoice_open(fake: FakeStripe, v1: Any, customer: str) -> None:
    card = fake.save_card(customer, "pm_card_chargeCustomerFail")
    invoice = v1.invoices.finalize_invoice(bill(v1, customer, 1000).id)
    with pytest.raises(stripe.CardError):
        v1.invoices.pay(invoice.id)
    failed = v1.invoices.retrieve(invoice.id)
    assert (failed.status, failed.attempt_count) == ("open", 1)
    assert kinds(fake)[-1] == "invoice.payment_failed"
    fake.card_fails(card, None)
    assert v1.invoices.pay(invoice.id).status == "paid"
    assert len(fake.of("invoice_payment")) == 1


def test_too_little_to_charge_is_carried_to_the_next(fake: FakeStripe, v1: Any, customer: str) -> None:
    small = v1.invoices.finalize_invoice(bill(v1, customer, 30).id)
    assert (small.status, small.amount_due, small.total, small.ending_balance) == ("paid", 0, 30, 30)
    assert v1.customers.retrieve(customer).balance == 30
    large = v1.invoices.finalize_invoice(bill(v1, customer, 100).id)
    assert (large.status, large.amount_due, large.starting_balance) == ("open", 130, 30)
    assert v1.customers.retrieve(customer).balance == 0
    v1.invoices.void_invoice(large.id)
    assert v1.customers.retrieve(customer).balance == 30
    moved = v1.customers.balance_transactions.list(customer).data
    assert [each.type for each in moved] == [
        "unapplied_from_invoice",
        "applied_to_invoice",
        "invoice_too_small",
    ]
    assert kinds(fake)[-1] == "invoice.voided"


def test_credit_pays_and_a_negative_invoice_is_credit(v1: Any, customer: str) -> None:
    negative = v1.invoices.finalize_invoice(bill(v1, customer, -300).id)
    assert (negative.status, negative.amount_due, negative.total) == ("paid", 0, -300)
    assert v1.customers.retrieve(customer).balance == -300
    covered = v1.invoices.finalize_invoice(bill(v1, customer, 100).id)
    assert (covered.status, covered.amount_due) == ("paid", 0)
    part = v1.invoices.finalize_invoice(bill(v1, customer, 1000).id)
    assert (part.amount_due, v1.customers.retrieve(customer).balance) == (800, 0)


def test_final_invoices_are_not_edited(fake: FakeStripe, v1: Any, customer: str) -> None:
    invoice = bill(v1, customer, 1000)
    item = v1.invoice_items.list({"invoice": invoice.id}).data[0]
    assert v1.invoice_items.update(item.id, {"amount": 1200}).amount == 1200
    v1.invoices.finalize_invoice(invoice.id)
    for refused in (
        lambda: v1.invoice_items.delete(item.id),
        lambda: v1.invoice_items.create({"invoice": invoice.id, "amount": 1}),
        lambda: v1.invoices.finalize_invoice(invoice.id),
        lambda: v1.invoices.update(invoice.id, {"footer": "x"}),
        lambda: v1.invoices.delete(invoice.id),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            refused()
    assert v1.invoices.update(invoice.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"
    assert v1.invoices.mark_uncollectible(invoice.id).status == "uncollectible"
    assert kinds(fake)[-1] == "invoice.marked_uncollectible"
    assert v1.invoices.void_invoice(invoice.id).status == "void"


def test_drafts_go_and_empty_ones_do_not_become_final(fake: FakeStripe, v1: Any, customer: str) -> None:
    invoice = bill(v1, customer)
    with pytest.raises(stripe.InvalidRequestError, match="without line items"):
        v1.invoices.finalize_invoice(invoice.id)
    assert v1.invoices.delete(invoice.id).deleted
    with pytest.raises(stripe.InvalidRequestError) as gone:
        v1.invoices.retrieve(invoice.id)
    assert gone.value.http_status == 404


def test_pending_items_come_along_when_they_are_asked_to(v1: Any, customer: str) -> None:
    item = v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "usd"})
    assert [each.id for each in v1.invoice_items.list({"pending": True})] == [item.id]
    assert v1.invoices.create({"customer": customer}).total == 0
    assert (
        v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"}).total == 700
    )
    assert v1.invoice_items.list({"pending": True}).data == []


def test_an_invoice_holds_250_items(fake: FakeStripe, v1: Any, customer: str) -> None:
    invoice = bill(v1, customer, *[1] * 250)
    with pytest.raises(stripe.InvalidRequestError, match="at most 250"):
        v1.invoice_items.create({"invoice": invoice.id, "amount": 1})
    seen = v1.invoices.retrieve(invoice.id)
    assert (len(seen.lines.data), seen.lines.has_more, seen.total) == (10, True, 250)
    pages = v1.invoices.line_items.list(invoice.id, {"limit": 100}).auto_paging_iter()
    assert len(list(pages)) == 250


def test_stripe_multiplies_exactly_and_rounds_half_up(fake: FakeStripe, v1: Any, customer: str) -> None:
    item = v1.invoice_items.create(
        {"customer": customer, "currency": "usd", "unit_amount_decimal": "0.05", "quantity_decimal": "30"}
    )
    assert (item.amount, item.pricing.unit_amount_decimal) == (2, Decimal("0.05"))
    assert "unit_amount_decimal=0.05" in fake.calls[-1].form
    with pytest.raises(stripe.InvalidRequestError, match="Invalid decimal: 5E-7"):
        v1.invoice_items.create({"customer": customer, "unit_amount_decimal": Decimal("0.0000005")})
    with pytest.raises(stripe.InvalidRequestError, match="Invalid decimal"):
        v1.invoice_items.create({"customer": customer, "unit_amount_decimal": "0.0000000000001"})


def test_an_invoice_sent_is_paid_elsewhere(fake: FakeStripe, v1: Any, customer: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="days_until_due"):
        v1.invoices.create({"customer": customer, "collection_method": "send_invoice"})
    invoice = bill(v1, customer, 900, collection_method="send_invoice", days_until_due=14)
    sent = v1.invoices.send_invoice(invoice.id)
    assert (sent.status, sent.due_date) == ("open", fake.now + 14 * 86_400)
    paid = v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid) == ("paid", 900)
    assert fake.of("charge") == {}


def test_time_finalizes_charges_and_tries_again(fake: FakeStripe, v1: Any, customer: str) -> None:
    card = fake.save_card(customer)
    fake.card_fails(card)
    invoice = bill(v1, customer, 900, auto_advance=True)
    fake.clock.advance(hours=1)
    assert v1.invoices.retrieve(invoice.id).status == "open"
    fake.clock.advance(hours=1)
    failed = v1.invoices.retrieve(invoice.id)
    assert (failed.status, failed.attempt_count) == ("open", 1)
    fake.card_fails(card, None)
    fake.clock.advance(days=3)
    assert v1.invoices.retrieve(invoice.id).status == "paid"


def test_a_month_in_one_step_is_lived_through(fake: FakeStripe, v1: Any, customer: str) -> None:
    fake.card_fails(fake.save_card(customer))
    invoice = bill(v1, customer, 900, auto_advance=True)
    begin = fake.now
    fake.clock.advance(days=30)
    seen = v1.invoices.retrieve(invoice.id)
    assert (seen.status, seen.attempt_count, seen.next_payment_attempt) == ("open", 4, None)
    failures = [event["created"] - begin for event in fake.pending("invoice.payment_failed")]
    assert failures == [7200 + 3 * 86_400 * tried for tried in range(4)]


def test_tax_is_added_where_the_address_is_known(fake: FakeStripe, v1: Any, customer: str) -> None:
    fake.tax_percent = 19
    taxed = v1.invoices.finalize_invoice(bill(v1, customer, 1000, automatic_tax={"enabled": True}).id)
    assert (taxed.subtotal, taxed.total, taxed.total_taxes[0].amount) == (1000, 1190, 190)
    nowhere = v1.customers.create().id
    invoice = bill(v1, nowhere, 1000, automatic_tax={"enabled": True})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.invoices.finalize_invoice(invoice.id)
    assert refused.value.code == "customer_tax_location_invalid"
    v1.invoices.update(invoice.id, {"auto_advance": True})
    fake.clock.advance(hours=1)
    assert kinds(fake)[-1] == "invoice.finalization_failed"
    assert v1.invoices.retrieve(invoice.id).status == "draft"


def test_credit_notes_before_and_after_payment(fake: FakeStripe, v1: Any, customer: str) -> None:
    fake.save_card(customer)
    invoice = v1.invoices.finalize_invoice(bill(v1, customer, 1000, 500).id)
    before = v1.credit_notes.create({"invoice": invoice.id, "amount": 200, "reason": "order_change"})
    assert (before.type, before.pre_payment_amount) == ("pre_payment", 200)
    assert v1.invoices.pay(invoice.id).amount_paid == 1300
    with pytest.raises(stripe.InvalidRequestError, match="must equal the amount"):
        v1.credit_notes.create({"invoice": invoice.id, "amount": 300})
    line = v1.invoices.retrieve(invoice.id).lines.data[1].id
    after = v1.credit_notes.create(
        {
            "invoice": invoice.id,
            "lines": [{"type": "invoice_line_item", "invoice_line_item": line, "amount": 300}],
            "refund_amount": 200,
            "credit_amount": 100,
            "memo": "sorry",
        }
    )
    assert (after.type, after.number) == ("post_payment", f"{invoice.number}-CN-02")
    refund = v1.refunds.retrieve(after.refunds[0].refund)
    assert (refund.amount, v1.customers.retrieve(customer).balance) == (200, -100)
    assert v1.credit_notes.line_items.list(after.id).data[0].invoice_line_item == line
    assert [note.id for note in v1.credit_notes.list({"invoice": invoice.id})] == [after.id, before.id]
    assert kinds(fake)[-1] == "credit_note.created"
    with pytest.raises(stripe.InvalidRequestError, match="greater than the total"):
        v1.credit_notes.create({"invoice": invoice.id, "amount": 1001, "out_of_band_amount": 1001})


def test_a_credit_note_of_everything_settles_and_one_is_voided(
    fake: FakeStripe, v1: Any, customer: str
) -> None:
    invoice = v1.invoices.finalize_invoice(bill(v1, customer, 1000).id)
    part = v1.credit_notes.create({"invoice": invoice.id, "amount": 400})
    assert v1.credit_notes.void_credit_note(part.id).status == "void"
    v1.credit_notes.create({"invoice": invoice.id, "amount": 1000})
    assert v1.invoices.retrieve(invoice.id).status == "paid"
