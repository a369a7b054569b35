"""What Stripe's answers mean: who may try again, who must look first, who must give up."""

from typing import Any

import pytest

from gateway.billing import stripe_objects
from gateway.billing.border import Stripe, once
from gateway.billing.customers import portal
from gateway.billing.report import mode_of
from gateway.billing.stripe_api import StripeApi
from gateway.billing.top_up import cents_of, check_cents, check_rule
from gateway.errors import (
    BadRequest,
    NotFound,
    NotSetUp,
    PaymentRefused,
    PaymentsUnavailable,
    StripeRefused,
    TollwayError,
)
from gateway.payments.types import AutoTopUp
from tests.billing.world import CENT, USD, World


@pytest.mark.parametrize(
    ("fault", "kind", "acted"),
    [
        ({"cut": True}, PaymentsUnavailable, True),
        ({"cut": True, "after": True}, PaymentsUnavailable, True),
        ({"status": 409}, PaymentsUnavailable, True),
        ({"status": 429, "times": 5}, PaymentsUnavailable, False),
        ({"status": 500}, PaymentsUnavailable, True),
        ({"status": 503}, PaymentsUnavailable, True),
        ({"status": 401}, PaymentsUnavailable, False),
        ({"status": 403}, PaymentsUnavailable, False),
        ({"status": 400}, StripeRefused, None),
        ({"status": 402}, PaymentRefused, None),
    ],
)
def test_failures(fault: dict[str, Any], kind: type[TollwayError], acted: bool | None, bare: World) -> None:
    bare.stripe.fail("POST /v1/customers", **fault)
    create = bare.api.v1.customers.create_async
    with pytest.raises(kind) as failed:
        bare.do(bare.api.asked(lambda: create({"name": "a"}, once("key")), stripe_objects.Customer))
    assert getattr(failed.value, "acted", None) is acted


def test_a_key_that_meant_something_else(bare: World) -> None:
    """Stripe forgets it after a day; until then nobody knows what happened."""
    create = bare.api.v1.customers.create_async
    bare.do(bare.api.asked(lambda: create({"name": "a"}, once("key")), stripe_objects.Customer))
    with pytest.raises(PaymentsUnavailable, match="same parameters") as failed:
        bare.do(bare.api.asked(lambda: create({"name": "b"}, once("key")), stripe_objects.Customer))
    assert failed.value.acted


def test_an_answer_that_nobody_understands(bare: World) -> None:
    with pytest.raises(PaymentsUnavailable, match="not what its API says"):
        bare.do(bare.api.asked(lambda: bare.api.v1.customers.create_async({}), stripe_objects.Session))


def test_lists_have_pages(bare: World) -> None:
    for _ in range(3):
        bare.do(bare.api.v1.customers.create_async({}))

    async def small(page: Any) -> Any:
        return await bare.api.v1.customers.list_async({**page, "limit": 2})

    found = bare.do(bare.api.listed(small, stripe_objects.Customer))
    assert sorted(each.id for each in found) == sorted(bare.stripe.of("customer"))


@pytest.mark.parametrize(
    ("key", "live"), [("sk_test_1", False), ("sk_live_1", True), ("rk_live_1", True), ("x", False)]
)
def test_modes(key: str, live: bool) -> None:
    assert StripeApi(key).livemode is live


def test_off_and_test(bare: World) -> None:
    assert (mode_of(Stripe(None)), mode_of(Stripe(bare.border))) == ("off", "test")
    assert Stripe(bare.border).require() is bare.border
    assert Stripe(bare.border).is_on
    with pytest.raises(NotSetUp, match="stripe_api_key"):
        Stripe(None).require()


def test_the_portal_is_for_those_whom_stripe_knows(bare: World) -> None:
    owner = bare.account()
    with pytest.raises(NotFound, match="no card"):
        bare.do(portal(bare.border, owner[0]))
    features: Any = {"features": {"invoice_history": {"enabled": True}}}
    bare.do(bare.api.v1.billing_portal.configurations.create_async(features))
    bare.order(owner, 5)
    assert bare.do(portal(bare.border, owner[0])).startswith("https://")


def test_an_order_that_stripe_never_saw_is_over(bare: World) -> None:
    owner = bare.account()
    bare.stripe.fail("POST /v1/checkout/sessions", status=500)
    with pytest.raises(PaymentsUnavailable):
        bare.order(owner, 20)
    bare.settle()
    bare.check()
    assert bare.left(owner) == 0


def test_amounts() -> None:
    for cents in (499, 1_000_001):
        with pytest.raises(BadRequest, match=r"\$5 to \$10,000"):
            check_cents(cents, "amount")
    assert cents_of(5 * USD, "amount") == 500
    with pytest.raises(BadRequest, match="whole cents"):
        cents_of(CENT + 1, "amount")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({}, None),
        ({"cents": 100}, "amount"),
        ({"below_nanousd": 0}, "below"),
        ({"below_nanousd": 20_000 * USD}, "below"),
        ({"daily_cents_max": 1_999}, "daily_max"),
        ({"daily_cents_max": 10_000_001}, "daily_max"),
    ],
)
def test_rules(change: dict[str, int], param: str | None) -> None:
    fields: dict[str, Any] = {
        "account_id": "a",
        "below_nanousd": USD,
        "cents": 2_000,
        "daily_cents_max": 2_000,
        "by": "b",
        "since_us": 0,
    }
    rule = AutoTopUp(**(fields | change))
    if param is None:
        check_rule(rule)
        return
    with pytest.raises(BadRequest) as refused:
        check_rule(rule)
    assert refused.value.param == param
