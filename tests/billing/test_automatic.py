"""Automatic top-ups: so much a day, one at a time, from a card that pays, by a rule that still holds."""

import pytest

from gateway.billing import inbox, top_up
from gateway.billing.top_up import top_up_low
from gateway.jobs.collecting import send_step
from gateway.payments import store as payments
from tests.billing.fire import calm, frozen, keep, paid, paused, saver, savers
from tests.billing.world import World


def test_so_much_a_day_and_one_at_a_time(world: World) -> None:
    owner = saver(world, below=100, usd=20, daily=50)
    assert world.do(top_up_low(world.border)) == 1
    assert world.do(top_up_low(world.border)) == 0, "one waits"
    world.settle()
    assert paid(world, owner) == [500, 2_000, 2_000], "three would be 60"
    world.later(days=1)
    world.settle()
    assert paid(world, owner) == [500] + [2_000] * 4
    world.check()


@pytest.mark.parametrize(
    ("decline", "words"),
    [
        ("generic_decline", "declined"),
        ("insufficient_funds", "insufficient funds"),
        ("authentication_required", "authentication"),
    ],
)
def test_a_card_that_does_not_pay_pauses_the_rule(decline: str, words: str, world: World) -> None:
    owner = saver(world)
    (card,) = {each["payment_method"] for each in world.stripe.of("charge").values()}
    world.stripe.card_fails(card, decline)
    world.settle()
    world.later(days=2)
    world.settle()
    assert words in str(paused(world, owner))
    assert paid(world, owner) == [500]
    assert len(world.stripe.of("charge")) == 2, "tried once"
    world.check()
    world.stripe.card_fails(card, None)
    keep(world, owner)
    world.settle()
    assert paid(world, owner) == [500, 2_000]
    world.check()


def test_a_card_that_was_removed(world: World) -> None:
    """Before anything is ordered, and between the order and the charge; and without any from the start."""
    (early, late), never = savers(world, 2), world.account()
    keep(world, never)
    cards = {each["customer"]: each["payment_method"] for each in world.stripe.of("charge").values()}
    of = {each["metadata"]["account_id"]: name for name, each in world.stripe.of("customer").items()}
    world.do(world.api.v1.payment_methods.detach_async(cards[of[early[0]]]))
    world.take(*world.stripe.pending())
    world.do(inbox.step(world.border))
    assert paused(world, early) == "its card was removed"
    world.do(top_up_low(world.border))
    world.do(world.api.v1.payment_methods.detach_async(cards[of[late[0]]]))
    world.do(send_step(world.border))
    assert "was not charged" in str(paused(world, late))
    world.settle()
    assert "there is no saved card" in str(paused(world, never))
    assert [paid(world, owner) for owner in (early, late, never)] == [[500], [500], []]
    assert frozen(world) == []
    world.check()


def test_a_rule_that_was_removed_before_the_charge(world: World) -> None:
    gone, stopped = savers(world, 2)
    world.do(top_up_low(world.border))
    world.database.write_now(lambda conn: payments.remove_auto_top_up(conn, gone[0]))
    world.database.write_now(lambda conn: payments.pause_auto_top_up(conn, stopped[0], "enough"))
    calm(world)
    assert paid(world, gone) == paid(world, stopped) == [500]
    assert paused(world, stopped) == "enough"


def test_money_that_went_back_is_not_charged_again_by_itself(world: World) -> None:
    """A stolen card's owner disputes: what is missing now is not taken from the same card."""
    disputed, refunded = world.account(), world.account()
    first, second = world.top_up(disputed, 20), world.top_up(refunded, 20)
    keep(world, disputed)
    keep(world, refunded)
    world.stripe.dispute(first)
    world.do(world.api.v1.refunds.create_async({"payment_intent": second}))
    world.settle()
    assert (paid(world, disputed), paid(world, refunded)) == ([2_000], [2_000])
    assert (paused(world, disputed), paused(world, refunded)) == (
        "a payment was disputed",
        "a payment was refunded",
    )
    world.check()


def test_two_processes_order_one(world: World) -> None:
    """Both saw that it is low."""
    owner = saver(world)
    rule = world.database.read_now(lambda conn: payments.find_auto_top_up(conn, owner[0]))
    now = world.books.now
    done = [world.database.write_now(lambda conn: top_up._order_auto(conn, rule, now)) for _ in range(2)]
    assert done == [True, False]
    calm(world)
    assert world.database.write_now(lambda conn: top_up._order_auto(conn, rule, now)) is False, (
        "it is low no more"
    )
    assert paid(world, owner) == [500, 2_000]
