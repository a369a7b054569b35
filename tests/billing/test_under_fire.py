"""What Stripe is to be told, under fire: it is told once in the end, and both books agree."""

from itertools import count
from typing import Any

import pytest

from gateway.billing import outbox
from gateway.billing.invoicing import draw_due
from gateway.billing.top_up import top_up_low
from gateway.jobs import collecting
from gateway.jobs.collecting import send_step
from tests.billing.fire import Killer, calm, frozen, intents, keep, month_ends, paid, saver, savers
from tests.billing.world import CENT, MILLION, USD, World

FAULTS: dict[str, dict[str, Any]] = {
    "cut before": {"cut": True},
    "cut after": {"cut": True, "after": True},
    "500": {"status": 500},
    "500 after, remembered": {"status": 500, "after": True},
    "500 after, not remembered": {"status": 500, "after": True, "remembered": False},
}
"""Each at one call; `after` it acted."""


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("wait_hours", [0, 25])
def test_each_call_of_an_invoice(name: str, wait_hours: int, bare: World) -> None:
    """Customer, draft, lines, finalizing, and each look: one invoice a month, charged once, whether or not Stripe remembers the keys."""
    owner = bare.account(limit_usd=500)
    bare.top_up(owner, 5)
    for skip in count():
        bare.use(owner, 0, 20 * MILLION)
        month_ends(bare)
        assert bare.do(draw_due(bare.border)) == 1
        fault = bare.stripe.fail(skip=skip, **FAULTS[name])
        bare.do(send_step(bare.border))
        bare.stripe.heal()
        bare.later(hours=wait_hours)
        calm(bare)
        bare.later(hours=3)  # Stripe collects
        calm(bare)
        assert bare.left(owner) == 0
        if not fault.hits:
            break
    assert skip > 6
    invoices = [each for each in bare.stripe.of("invoice").values() if each["metadata"].get("invoice_id")]
    assert len(invoices) == len(bare.drawn(owner)) == skip + 1
    assert {each["status"] for each in invoices} == {"paid"}
    assert len(bare.stripe.of("charge")) == 1 + len(invoices)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_step_of_an_invoice(after: bool, bare: World) -> None:
    """New customers each time, who are sent it: their own making is a step, too."""
    for place in count():
        owner = bare.account(limit_usd=500)
        bare.use(owner, MILLION, 20 * MILLION)
        month_ends(bare)
        assert bare.do(draw_due(bare.border)) == 1
        with Killer(bare, place, after=after) as killer:
            bare.do(send_step(bare.border))
        calm(bare)
        (drawn,) = bare.drawn(owner)
        sent = [
            each
            for each in bare.stripe.of("invoice").values()
            if each["metadata"]["invoice_id"] == drawn.invoice.id
        ]
        assert [(each["status"], each["subtotal"]) for each in sent] == [("open", drawn.invoice.total_cents)]
        if not killer.reached:
            break
    assert place > 8


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("wait_hours", [0, 25])
def test_killed_at_each_step_of_an_automatic_top_up(after: bool, wait_hours: int, bare: World) -> None:
    for place in count():
        owner = saver(bare)
        assert bare.do(top_up_low(bare.border)) == 1
        with Killer(bare, place, after=after) as killer:
            bare.do(send_step(bare.border))
        keep(bare, owner, below=1)
        bare.later(hours=wait_hours)
        calm(bare)
        assert (paid(bare, owner), bare.left(owner)) == ([500, 2_000], 25 * USD)
        if not killer.reached:
            break
    assert place > 3
    assert len(bare.stripe.of("charge")) == 2 * (place + 1)


@pytest.mark.parametrize("name", FAULTS)
def test_each_call_of_an_automatic_top_up(name: str, bare: World) -> None:
    for skip in count():
        owner = saver(bare)
        assert bare.do(top_up_low(bare.border)) == 1
        fault = bare.stripe.fail(skip=skip, **FAULTS[name])
        bare.do(send_step(bare.border))
        bare.stripe.heal()
        keep(bare, owner, below=1)
        calm(bare)
        assert (paid(bare, owner), bare.left(owner)) == ([500, 2_000], 25 * USD)
        if not fault.hits:
            break
    assert len(bare.stripe.of("charge")) == 2 * (skip + 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_step_of_a_checkout(after: bool, bare: World) -> None:
    """Nobody tells the news a second time."""
    for place in count():
        owner = bare.account()
        bare.stripe.complete(bare.order(owner, 20))
        bare.take(*bare.stripe.pending())
        with Killer(bare, place, after=after) as killer:
            bare.settle()
        bare.later(seconds=400)
        calm(bare)
        assert bare.left(owner) == 20 * USD
        if not killer.reached:
            break
    assert place > 5


def test_stripe_is_away_for_three_days(world: World) -> None:
    """Requests go on; what was owed to be told is told after."""
    debtor, owner = world.account(limit_usd=50), saver(world)
    world.use(debtor, 0, 20 * MILLION)
    world.at("2027-02-01T01:30:00Z")
    world.stripe.down(days=3)
    tries = 0
    while world.stripe.now < 1_801_788_000:  # 2027-02-04T10:00:00Z
        world.settle(2)
        assert world.use(debtor, 0, MILLION) >= 54 * CENT
        world.later(hours=4)
        tries += 1
    assert paid(world, owner) == [500, 2_000]
    calm(world)
    assert [each.state for each in world.drawn(debtor)] == ["finalized"]
    assert max(intent.tries for intent in intents(world)) <= tries + 3


def test_asked_too_often(world: World) -> None:
    """429 is no answer of Stripe's library's concern: we try again ourselves, and then later."""
    first, second = savers(world, 2)
    fault = world.stripe.fail("POST /v1/payment_intents", status=429, times=9)
    world.settle()
    assert fault.hits == 9
    assert sorted([paid(world, first), paid(world, second)]) == [[500], [500, 2_000]]
    assert [intent.tries for intent in intents(world) if not intent.done_us] == [1]
    world.later(hours=1)
    calm(world)
    assert paid(world, first) == paid(world, second) == [500, 2_000]


def test_a_key_that_is_revoked_freezes_nothing(world: World) -> None:
    owner = saver(world)
    for status in (401, 403):
        world.stripe.fail(status=status, times=None)
        world.settle()
        (intent,) = intents(world)
        assert (intent.done_us, intent.frozen_us) == (None, None)
        assert "stripe_api_key" in str(intent.result)
        world.stripe.heal()
        world.later(hours=1)
    calm(world)
    assert paid(world, owner) == [500, 2_000]


def test_an_amount_that_stripe_adds_up_otherwise_is_not_asked_for(world: World) -> None:
    """Somebody put a line on our draft by hand."""
    owner = world.account(limit_usd=50)
    world.use(owner, 0, 20 * MILLION)
    month_ends(world)
    world.do(draw_due(world.border))
    world.stripe.fail("POST /v1/invoices/*/finalize", status=500, times=3)
    world.do(send_step(world.border))
    (draft,) = world.stripe.of("invoice").values()
    new: Any = {"customer": draft["customer"], "invoice": draft["id"], "amount": 700, "currency": "usd"}
    world.do(world.api.v1.invoice_items.create_async(new))
    world.later(hours=1)
    world.settle()
    (why,) = frozen(world)
    assert "it was not finalized" in str(why)
    assert draft["status"] == "draft"
    (outbox_row, *_) = world.report().differences
    assert (outbox_row.about, outbox_row.account_id) == ("outbox", owner[0])


def test_a_bug_of_ours_holds_up_nobody_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = savers(world, 2)

    async def broken(border: Any, intent: Any) -> str:
        if intent.account_id == first[0]:
            raise ZeroDivisionError("nobody thought of that")
        return await real["auto_top_up"](border, intent)

    real = dict(collecting.SENDERS)
    with monkeypatch.context() as patched:
        patched.setitem(collecting.SENDERS, "auto_top_up", broken)
        world.settle()
        assert (paid(world, first), paid(world, second)) == ([500], [500, 2_000])
        (intent,) = [each for each in intents(world) if not each.done_us]
        assert "nobody thought of that" in str(intent.result)
    world.later(hours=1)
    calm(world)
    assert paid(world, first) == [500, 2_000]


def test_what_is_left_of_a_claim_is_left_to_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe takes so long that the claim would be over: nobody else may be at it meanwhile."""
    savers(world, 2)
    world.do(top_up_low(world.border))

    async def slow(border: Any, intent: Any) -> str:
        world.books.now += outbox.CLAIM_US
        return "done"

    found = world.do(outbox.step(world.border, {"auto_top_up": slow}))
    assert found == 2
    assert len([intent for intent in intents(world) if intent.done_us]) == 1
