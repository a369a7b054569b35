"""Every object the fake keeps has the fields that the library's class declares: no more, and none missing."""

from typing import Any, get_args

from tests.fixtures.stripe import FakeStripe
from tests.fixtures.stripe.shapes import ON_REQUEST, class_of
from tests.fixtures_stripe.buying import bill, off_session, opened, top_up
from tests.fixtures_stripe.test_catalog import metered

NOT_KEPT = {"deleted", "OBJECT_NAME"}


def live_through_everything(fake: FakeStripe, v1: Any) -> None:
    """Something of each kind."""
    customer = v1.customers.create({"address": {"country": "US"}}).id
    card = fake.save_card(customer)
    fake.complete(top_up(v1, customer, invoice_creation={"enabled": True}).id)
    setup = {"mode": "setup", "currency": "usd", "customer": customer, "success_url": "https://tollway.test"}
    fake.complete(v1.checkout.sessions.create(setup).id)
    v1.refunds.create({"payment_intent": off_session(v1, customer, card).id, "amount": 5})
    fake.close_dispute(fake.dispute(off_session(v1, customer, card).id)["id"], won=True)
    invoice = v1.invoices.finalize_invoice(bill(v1, customer, 700).id)
    v1.invoices.pay(invoice.id)
    v1.credit_notes.create({"invoice": invoice.id, "amount": 5, "credit_amount": 5})
    meter = v1.billing.meters.create(
        {"display_name": "x", "event_name": "x", "default_aggregation": {"formula": "sum"}}
    )
    v1.subscriptions.create({"customer": customer, "items": [{"price": metered(v1, meter).id}]})
    v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    v1.billing_portal.sessions.create({"customer": customer})


def parts(thing: Any) -> list[dict[str, Any]]:
    """The objects in an object, itself among them."""
    if isinstance(thing, list):
        return [part for each in thing for part in parts(each)]
    if not isinstance(thing, dict):
        return []
    inner = [part for value in thing.values() for part in parts(value)]
    return [thing, *inner] if "object" in thing else inner


def test_objects_have_the_fields_of_their_class(fake: FakeStripe, v1: Any) -> None:
    live_through_everything(fake, v1)
    seen: set[str] = set()
    whole = [
        thing for kind, things in fake.store.kinds.items() if kind != "event" for thing in things.values()
    ]
    for thing in parts(whole):
        kind = thing["object"]
        if kind in {"list", "plan"}:
            continue
        declared = class_of(kind).__annotations__
        surplus = set(thing) - set(declared)
        assert not surplus, f"{kind} has {surplus}"
        must = {name for name, hint in declared.items() if type(None) not in get_args(hint)} - NOT_KEPT
        missing = must - set(thing) - ON_REQUEST.get(kind, set())
        assert not missing, f"{kind} lacks {missing}"
        seen.add(kind)
    assert {"customer", "invoice", "line_item", "credit_note_line_item", "subscription_item"} < seen
    assert len(seen) > 20


def test_every_field_can_be_read_through_the_library(fake: FakeStripe) -> None:
    with opened(fake, fake.key) as client:
        live_through_everything(fake, client.v1)
        for invoice in client.v1.invoices.list():
            assert invoice.next_payment_attempt is None
            assert invoice.parent is None
        for event in client.v1.events.list({"limit": 100}).auto_paging_iter():
            assert event.data.object.id
