"""What holds for every endpoint: keys and modes, names of parameters, pages, what is expanded."""

from typing import Any

import pytest
import stripe

from tests.fixtures.stripe import FakeStripe
from tests.fixtures.stripe.world import ROUTES, parameters
from tests.fixtures_stripe.buying import opened, top_up


def test_a_wrong_key_and_a_wrong_version_get_nowhere(fake: FakeStripe, v1: Any) -> None:
    with opened(fake, "sk_test_wrong") as stranger, pytest.raises(stripe.AuthenticationError) as refused:
        stranger.v1.customers.create()
    assert "sk_test_wrong" not in str(refused.value)
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        v1.customers.create({}, {"stripe_version": "2020-08-27"})
    assert fake.of("customer") == {}


def test_the_modes_do_not_see_each_other(fake: FakeStripe, v1: Any) -> None:
    mine = v1.customers.create()
    with opened(fake, fake.live_key) as live:
        theirs = live.v1.customers.create()
        assert (mine.livemode, theirs.livemode) == (False, True)
        with pytest.raises(stripe.InvalidRequestError, match="exists in test mode, but a live mode key"):
            live.v1.customers.retrieve(mine.id)
        assert [each.id for each in live.v1.customers.list()] == [theirs.id]
        session = top_up(live.v1, None)
        assert session.id.startswith("cs_live_")
        fake.complete(session.id)
    assert fake.pending("checkout.*")[0]["livemode"] is True
    assert v1.events.list({"type": "checkout.session.completed"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="exists in live mode"):
        v1.customers.retrieve(theirs.id)


def test_every_route_names_parameters_that_the_library_has() -> None:
    assert len(ROUTES) > 80
    for route in ROUTES:
        assert parameters(route.declared).__annotations__, route.declared


@pytest.mark.parametrize(
    ("wrong", "code", "param", "words"),
    [
        ({"emial": "x"}, "parameter_unknown", "emial", "Received unknown parameter: emial"),
        ({"a": "1", "b": "2"}, "parameter_unknown", "a", "Received unknown parameters: a, b"),
        (
            {"address": {"street": "x"}},
            "parameter_unknown",
            "address[street]",
            r"unknown parameter: address\[street\]",
        ),
        ({"balance": "much"}, "parameter_invalid_integer", "balance", "Invalid integer: much"),
        (
            {"tax_exempt": "never"},
            "parameter_invalid_value",
            "tax_exempt",
            "must be one of exempt, none or reverse",
        ),
        (
            {"payment_method": ""},
            "parameter_invalid_empty",
            "payment_method",
            "empty string for 'payment_method'",
        ),
        ({"address": "here"}, "parameter_invalid_object", "address", "Invalid object"),
        ({"preferred_locales": "en"}, "parameter_invalid_array", "preferred_locales", "Invalid array"),
        ({"metadata": {"k" * 41: "x"}}, "metadata_invalid", "metadata", "under 40 characters"),
        ({"metadata": {"k": "x" * 501}}, "metadata_invalid", "metadata[k]", "up to 500 characters"),
    ],
)
def test_what_stripe_does_not_know_is_refused(
    fake: FakeStripe, v1: Any, wrong: dict[str, Any], code: str, param: str, words: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=words) as refused:
        v1.customers.create(wrong)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, param)
    assert refused.value.request_id == fake.calls[-1].request_id
    assert fake.of("customer") == {}


def test_what_is_missing_is_named(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"Missing required param: currency\.") as refused:
        client.v1.payment_intents.create({"amount": 100})  # type: ignore[typeddict-item]
    assert refused.value.code == "parameter_missing"
    with pytest.raises(stripe.InvalidRequestError, match=r"\(GET: /v1/charms\)") as nowhere:
        client.raw_request("get", "/v1/charms")
    assert nowhere.value.http_status == 404


def test_what_stripe_has_and_the_fake_lacks_fails_the_test_that_asks() -> None:
    with pytest.raises(AssertionError, match="POST /v1/customers does not act on tax"), FakeStripe() as fake:
        with opened(fake, fake.key) as client, pytest.raises(stripe.APIError, match="does not act on tax"):
            client.v1.customers.create({"tax": {"validate_location": "deferred"}})
        assert fake.calls[0].status == 501


def test_what_is_refused_leaves_nothing_behind(fake: FakeStripe, v1: Any) -> None:
    data = {"currency": "usd", "unit_amount": 10, "product_data": {"name": "x"}}
    with pytest.raises(stripe.InvalidRequestError, match="at least"):
        top_up(v1, None, line_items=[{"price_data": data}])
    with pytest.raises(stripe.CardError):
        v1.customers.create({"payment_method": "pm_card_chargeDeclined"})
    assert (fake.of("product"), fake.of("price"), fake.of("customer"), fake.pending()) == ({}, {}, {}, [])


def test_lists_come_in_pages(fake: FakeStripe, v1: Any) -> None:
    made = []
    for _ in range(23):
        fake.clock.advance(seconds=1)
        made.append(v1.customers.create().id)
    first = v1.customers.list()
    assert ([each.id for each in first], first.has_more) == (made[:-11:-1], True)
    second = v1.customers.list({"limit": 20, "starting_after": made[13]})
    assert ([each.id for each in second], second.has_more) == (made[12::-1], False)
    back = v1.customers.list({"limit": 3, "ending_before": made[0]})
    assert [each.id for each in back] == made[3:0:-1]
    assert [each.id for each in v1.customers.list({"limit": 7}).auto_paging_iter()] == made[::-1]
    young = v1.customers.list({"created": {"gte": fake.now - 1}})
    assert [each.id for each in young] == made[:-3:-1]
    for wrong in ({"limit": 101}, {"limit": 0}, {"starting_after": "cus_no"}):
        with pytest.raises(stripe.InvalidRequestError):
            v1.customers.list(wrong)


def test_only_what_is_expandable_is_expanded(v1: Any) -> None:
    customer = v1.customers.create().id
    session = top_up(v1, customer)
    assert v1.checkout.sessions.retrieve(session.id, {"expand": ["customer"]}).customer.id == customer
    listed = v1.checkout.sessions.list({"expand": ["data.customer"]})
    assert listed.data[0].customer.id == customer
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        v1.checkout.sessions.retrieve(session.id, {"expand": ["mode"]})
