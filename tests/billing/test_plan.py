"""`stripe sync`: a plan, carried out, leaves nothing to plan; and a price that changes is not asked for beside the one before."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.billing.sync import plan, tiers_of
from gateway.catalog.types import PriceBook, Tier
from gateway.errors import BadRequest, NotSetUp
from tests.billing.world import BOOK, World


def apply(world: World, book: PriceBook) -> list[str]:
    """Until nothing is left to do; what was done."""
    done = []
    for _ in range(4):
        steps = world.do(plan(world.border, book))
        if not steps:
            return done
        for step in steps:
            world.do(step.apply())
            done.append(step.words)
    raise AssertionError(f"there is always more: {done[-5:]}")


@pytest.mark.parametrize("sink", ["invoice_items", "none", "meters"])
def test_twice_changes_nothing(sink: str, bare: World) -> None:
    bare.border = msgspec.structs.replace(bare.border, sink=sink)  # type: ignore[arg-type]
    bare.order(bare.account(), 5)
    done = apply(bare, BOOK)
    assert (len(done) > 3) is (sink == "meters")
    writes = [seen for seen in bare.stripe.calls if seen.method == "POST"]
    assert apply(bare, BOOK) == []
    assert [seen for seen in bare.stripe.calls if seen.method == "POST"] == writes


def test_a_webhook_that_somebody_changed_is_mended(bare: World) -> None:
    apply(bare, BOOK)
    (endpoint,) = bare.stripe.of("webhook_endpoint").values()
    for change in ({"enabled_events": ["charge.refunded"]}, {"status": "disabled"}):
        endpoint |= change
        (words,) = apply(bare, BOOK)
        assert words.startswith("~ webhook endpoint")
        assert endpoint["status"] == "enabled"
    assert "invoice.paid" in endpoint["enabled_events"]


def test_without_an_address_there_is_no_plan(bare: World) -> None:
    border = msgspec.structs.replace(bare.border, public_url="")
    with pytest.raises(NotSetUp, match="public_url"):
        bare.do(plan(border, BOOK))


def test_a_new_price_takes_the_place_of_the_old(bare: World) -> None:
    bare.border = msgspec.structs.replace(bare.border, sink="meters")
    bare.order(bare.account(), 5)
    apply(bare, BOOK)
    (subscription, *_) = bare.stripe.of("subscription").values()
    before = len(subscription["items"]["data"])
    dearer = msgspec.structs.replace(BOOK, tiers=(Tier(None, 0),))
    done = apply(bare, dearer)
    assert any(words.startswith("~ subscription") for words in done)
    subscribed = [
        item["price"]["metadata"]["tollway_meter"]
        for each in bare.stripe.of("subscription").values()
        for item in each["items"]["data"]
    ]
    assert len(subscribed) == len(set(subscribed)) >= before, "no meter is asked for twice"
    assert {
        len(item["price"]["tiers"] or [])
        for item in subscription["items"]["data"]
        if item["price"].get("tiers")
    } <= {1}
    assert apply(bare, dearer) == []


@given(
    price=st.integers(0, 10**9).map(lambda each: each * 1_000),
    discounts=st.lists(st.integers(0, 100), max_size=4),
)
def test_tiers_are_exact(price: int, discounts: list[int]) -> None:
    """To the last decimal, and as a plain number, which Stripe's library would not write by itself."""
    tiers = [Tier((place + 1) * 1_000, percent) for place, percent in enumerate(discounts)]
    found = tiers_of(price, [*tiers, Tier(None, 50)])
    assert [up_to for up_to, _ in found] == [str(tier.up_to_tokens) for tier in tiers] + ["inf"]
    for (_, cents), percent in zip(found, [*discounts, 50], strict=True):
        assert Decimal(cents) * 10**7 * 10**6 * 100 == price * (100 - percent)
        assert "E" not in cents
        assert len(cents.partition(".")[2]) <= 12


def test_one_price_without_tiers() -> None:
    assert tiers_of(200_000_000, ()) == [("inf", "0.00002")]


def test_finer_than_stripe_can_write() -> None:
    with pytest.raises(BadRequest, match="finer"):
        tiers_of(1, ())
