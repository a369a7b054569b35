"""Products, prices, meters, subscriptions, the portal: through the real library."""

from decimal import Decimal
from typing import Any

import pytest
import stripe

from tests.fixtures.stripe import FakeStripe
from tests.fixtures_stripe.buying import kinds


def test_products_are_made_changed_and_listed(v1: Any) -> None:
    product = v1.products.create(
        {"name": "Input tokens", "unit_label": "tokens", "metadata": {"class": "in"}}
    )
    v1.products.update(product.id, {"active": False, "metadata": {"class": "", "kind": "x"}})
    changed = v1.products.retrieve(product.id)
    assert (changed.active, changed.metadata.to_dict()) == (False, {"kind": "x"})
    assert v1.products.list({"active": True}).data == []
    assert [each.id for each in v1.products.list({"ids": [product.id]})] == [product.id]
    own = v1.products.create({"id": "tollway_in", "name": "x"})
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        v1.products.create({"id": own.id, "name": "x"})


@pytest.fixture
def meter(v1: Any) -> Any:
    return v1.billing.meters.create(
        {
            "display_name": "Input tokens",
            "event_name": "input_tokens",
            "default_aggregation": {"formula": "sum"},
            "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
            "value_settings": {"event_payload_key": "value"},
        }
    )


def metered(v1: Any, meter: Any, **more: Any) -> Any:
    """The graduated price of the shop."""
    return v1.prices.create(
        {
            "product_data": {"name": "Input tokens"},
            "currency": "usd",
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [
                {"up_to": 100_000_000, "unit_amount_decimal": "0.00002"},
                {"up_to": "inf", "unit_amount_decimal": "0.000018"},
            ],
            "lookup_key": "input",
            **more,
        }
    )


def test_graduated_prices_keep_twelve_places_of_a_cent(fake: FakeStripe, v1: Any, meter: Any) -> None:
    price = metered(v1, meter)
    assert (price.unit_amount, price.unit_amount_decimal, price.type) == (None, None, "recurring")
    assert not hasattr(price, "tiers")
    tiers = v1.prices.retrieve(price.id, {"expand": ["tiers"]}).tiers
    assert [(tier.up_to, tier.unit_amount, tier.unit_amount_decimal) for tier in tiers] == [
        (100_000_000, None, Decimal("0.00002")),
        (None, None, Decimal("0.000018")),
    ]
    listed = v1.prices.list({"recurring": {"meter": meter.id}, "expand": ["data.tiers"]}).data
    assert len(listed[0].tiers) == 2
    one_time = v1.prices.create(
        {"product_data": {"name": "x"}, "currency": "usd", "unit_amount_decimal": "2000"}
    )
    assert (one_time.unit_amount, one_time.type) == (2000, "one_time")
    assert kinds(fake) == ["price.created"] * 2


def test_a_lookup_key_belongs_to_one_price(v1: Any, meter: Any) -> None:
    first = metered(v1, meter)
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        metered(v1, meter)
    second = metered(v1, meter, transfer_lookup_key=True)
    assert [price.id for price in v1.prices.list({"lookup_keys": ["input"]})] == [second.id]
    assert v1.prices.retrieve(first.id).lookup_key is None
    v1.prices.update(first.id, {"active": False, "nickname": "old"})
    assert [price.id for price in v1.prices.list({"active": True})] == [second.id]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"recurring": {"interval": "month", "usage_type": "metered"}}, "backed by meters"),
        (
            {"recurring": {"interval": "month", "usage_type": "metered", "meter": "mtr_no"}},
            "No such billing meter",
        ),
        ({"tiers": [{"up_to": 5, "unit_amount": 1}]}, "must be `inf`"),
        ({"tiers": [{"up_to": 5, "unit_amount": 1}, {"up_to": 5}, {"up_to": "inf"}]}, "must go up"),
        ({"unit_amount": 5}, "cannot be combined"),
        ({"currency": "eur"}, "US dollars"),
        ({"tiers": [{"up_to": "inf", "unit_amount_decimal": Decimal("5E-13")}]}, "Invalid decimal"),
    ],
)
def test_prices_that_cannot_be(v1: Any, meter: Any, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=words):
        metered(v1, meter, **wrong)
    assert v1.prices.list().data == []


def report(v1: Any, customer: str, value: str, **more: Any) -> Any:
    payload = {"stripe_customer_id": customer, "value": value}
    return v1.billing.meter_events.create({"event_name": "input_tokens", "payload": payload, **more})


def test_usage_arrives_late_and_as_a_float(fake: FakeStripe, v1: Any, meter: Any) -> None:
    fake.meter_lag = 60
    customer = v1.customers.create().id
    hour = fake.now - fake.now % 3600
    report(v1, customer, "100", timestamp=hour - 3600, identifier="a")
    report(v1, customer, "23", timestamp=hour - 1, identifier="b")
    report(v1, customer, "7", timestamp=hour - 7200, identifier="c")
    asked: Any = {"customer": customer, "start_time": hour - 7200, "end_time": hour}

    def sums(**more: Any) -> list[Any]:
        found = v1.billing.meters.event_summaries.list(meter.id, {**asked, **more}).data
        return [each.aggregated_value for each in found]

    assert sums() == []
    fake.clock.advance(seconds=60)
    assert sums() == [130.0]
    assert isinstance(sums()[0], float)
    assert sums(value_grouping_window="hour") == [123.0, 7.0]
    with pytest.raises(stripe.InvalidRequestError, match="aligned"):
        sums(end_time=hour + 1)
    v1.billing.meter_event_adjustments.create(
        {"event_name": "input_tokens", "type": "cancel", "cancel": {"identifier": "c"}}
    )
    assert sums() == [123.0]
    fake.clock.advance(hours=25)
    with pytest.raises(stripe.InvalidRequestError, match="24 hours"):
        v1.billing.meter_event_adjustments.create(
            {"event_name": "input_tokens", "type": "cancel", "cancel": {"identifier": "b"}}
        )


def test_an_identifier_counts_once_for_a_day(fake: FakeStripe, v1: Any, meter: Any) -> None:
    customer = v1.customers.create().id
    report(v1, customer, "5", identifier="u:1")
    fake.clock.advance(hours=24)
    with pytest.raises(stripe.InvalidRequestError, match="An event already exists with identifier") as twice:
        report(v1, customer, "5", identifier="u:1")
    assert twice.value.http_status == 400
    assert (twice.value.headers or {})["stripe-should-retry"] == "false"
    fake.clock.advance(seconds=1)
    report(v1, customer, "5", identifier="u:1")
    assert [event["value"] for event in fake.usage] == [5, 5]


@pytest.mark.parametrize(
    ("value", "off", "code"),
    [
        ("1.5", 0, "meter_event_invalid_value"),
        ("", 0, "parameter_invalid_empty"),
        ("1234567890123456", 0, "meter_event_value_too_many_digits"),
        ("1", -35 * 86_400 - 1, "timestamp_too_far_in_past"),
        ("1", 301, "timestamp_in_future"),
    ],
)
def test_usage_that_is_refused(
    fake: FakeStripe, v1: Any, meter: Any, value: str, off: int, code: str
) -> None:
    customer = v1.customers.create().id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        report(v1, customer, value, timestamp=fake.now + off)
    assert refused.value.code == code
    assert fake.usage == []


def test_usage_at_the_edges_is_taken(fake: FakeStripe, v1: Any, meter: Any) -> None:
    customer = v1.customers.create().id
    for off in (-35 * 86_400, 300):
        report(v1, customer, "123456789012345000", timestamp=fake.now + off)
    assert len(fake.usage) == 2


def test_usage_of_nobody_is_dropped_silently(fake: FakeStripe, v1: Any, meter: Any) -> None:
    report(v1, "cus_nobody", "5", identifier="lost")
    assert fake.usage == []
    assert [(lost["identifier"], lost["code"]) for lost in fake.meter_errors] == [
        ("lost", "meter_event_customer_not_found")
    ]


def test_meters_are_one_per_name_and_can_rest(v1: Any, meter: Any) -> None:
    same: Any = {"display_name": "x", "event_name": "input_tokens", "default_aggregation": {"formula": "sum"}}
    with pytest.raises(stripe.InvalidRequestError, match="already an active meter"):
        v1.billing.meters.create(same)
    v1.billing.meters.update(meter.id, {"display_name": "Tokens in"})
    v1.billing.meters.deactivate(meter.id)
    assert v1.billing.meters.retrieve(meter.id).display_name == "Tokens in"
    assert v1.billing.meters.list({"status": "active"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="No active meter"):
        report(v1, "cus_any", "1")
    v1.billing.meters.reactivate(meter.id)
    assert [each.id for each in v1.billing.meters.list({"status": "active"})] == [meter.id]


def test_a_subscription_to_metered_prices(fake: FakeStripe, v1: Any, meter: Any) -> None:
    customer = v1.customers.create().id
    price = metered(v1, meter)
    subscription = v1.subscriptions.create({"customer": customer, "items": [{"price": price.id}]})
    item = subscription["items"].data[0]
    assert (subscription.status, item.price.id) == ("active", price.id)
    assert 28 * 86_400 <= item.current_period_end - item.current_period_start <= 31 * 86_400
    assert [each.id for each in v1.subscriptions.list({"customer": customer})] == [subscription.id]
    with pytest.raises(stripe.InvalidRequestError, match="quantity"):
        v1.subscriptions.create({"customer": customer, "items": [{"price": price.id, "quantity": 1}]})
    assert v1.subscriptions.cancel(subscription.id).status == "canceled"
    assert v1.subscriptions.list().data == []
    assert kinds(fake)[-1] == "customer.subscription.deleted"


def test_the_portal_needs_a_configuration(v1: Any) -> None:
    customer = v1.customers.create().id
    with pytest.raises(stripe.InvalidRequestError, match="default configuration has not been created"):
        v1.billing_portal.sessions.create({"customer": customer})
    made = v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}, "default_return_url": "https://tollway.test/"}
    )
    assert (made.is_default, made.features.invoice_history.enabled) == (True, True)
    changed = v1.billing_portal.configurations.update(
        made.id, {"features": {"payment_method_update": {"enabled": True}}, "metadata": {"by": "tollway"}}
    )
    assert changed.features.invoice_history.enabled and changed.features.payment_method_update.enabled
    assert [each.id for each in v1.billing_portal.configurations.list({"is_default": True})] == [made.id]
    session = v1.billing_portal.sessions.create({"customer": customer})
    assert session.url.startswith("https://billing.stripe.com/")
    assert (session.configuration, session.return_url) == (made.id, "https://tollway.test/")
