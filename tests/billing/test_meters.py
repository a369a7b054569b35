"""The sink `meters`: every token reaches Stripe once, whatever is lost on the way; what nobody can know waits for a person."""

from typing import Any

import msgspec
import pytest

from gateway.billing import meters, store
from gateway.billing.meters import export
from gateway.billing.sync import plan
from gateway.jobs.collecting import send_step
from tests.billing.fire import calm, frozen, intents
from tests.billing.world import BOOK, CENT, MILLION, Owner, World

EVENTS = "POST /v1/billing/meter_events"


@pytest.fixture
def metered(bare: World) -> World:
    bare.border = msgspec.structs.replace(bare.border, sink="meters")
    _sync(bare)
    return bare


def _sync(world: World) -> None:
    for _ in range(3):
        for step in world.do(plan(world.border, BOOK)):
            world.do(step.apply())


def counted(world: World) -> int:
    return sum(each["value"] for each in world.stripe.usage)


def test_every_token_once(metered: World) -> None:
    owner = metered.account(limit_usd=50)
    for tokens in (1_000, 2_000, 3_000):
        metered.use(owner, tokens, tokens)
        metered.later(hours=1)
    calm(metered)
    assert counted(metered) == 12_000
    assert len(intents(metered, "meter_event")) == 6, "by class and hour"
    metered.later(hours=3)
    metered.check()


def test_a_long_backlog_is_sent_in_one_go(metered: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "RECEIPTS_MAX", 2)
    owner = metered.account(limit_usd=50)
    for _ in range(5):
        metered.use(owner, 1_000, 0)
    metered.do(export(metered.border))
    calm(metered)
    assert counted(metered) == 5 * 1_000


@pytest.mark.parametrize("wait_hours", [0, 30])
@pytest.mark.parametrize(
    "how", [{"cut": True}, {"cut": True, "after": True}, {"status": 500, "after": True, "remembered": False}]
)
def test_lost_answers(how: dict[str, Any], wait_hours: int, metered: World) -> None:
    """Within a day Stripe knows the identifier; later its meter is asked."""
    owner = metered.account(limit_usd=50)
    metered.use(owner, 1_000, 0)
    metered.do(export(metered.border))
    metered.stripe.fail(EVENTS, **how)
    metered.do(send_step(metered.border))
    metered.stripe.heal()
    metered.later(hours=wait_hours)
    calm(metered)
    assert counted(metered) == 1_000
    assert frozen(metered) == []


def test_a_duplicate_is_delivered(metered: World) -> None:
    owner = metered.account(limit_usd=50)
    metered.use(owner, 1_000, 0)
    metered.do(export(metered.border))
    metered.stripe.fail(EVENTS, cut=True, after=True)
    metered.do(send_step(metered.border))
    calm(metered)
    assert "known already" in {intent.result for intent in intents(metered)}
    assert counted(metered) == 1_000


def test_clocks_that_differ(metered: World) -> None:
    owner = metered.account(limit_usd=50)
    metered.books.now += 3_600 * 10**6
    metered.use(owner, 1_000, 0)
    metered.do(export(metered.border))
    metered.do(send_step(metered.border))
    (intent, *_) = [each for each in intents(metered) if not each.done_us]
    assert intent.result == "Stripe's clock is behind ours"
    metered.later(hours=2)
    calm(metered)
    assert counted(metered) == 1_000


def test_usage_waits_for_its_meter(bare: World) -> None:
    bare.border = msgspec.structs.replace(bare.border, sink="meters")
    bare.use(bare.account(limit_usd=50), 1_000, 0)
    bare.do(export(bare.border))
    bare.do(send_step(bare.border))
    (intent, *_) = [each for each in intents(bare) if not each.done_us]
    assert "stripe sync" in str(intent.result)
    _sync(bare)
    bare.later(hours=1)
    calm(bare)
    assert counted(bare) == 1_000


def test_too_old_is_for_a_person(metered: World) -> None:
    metered.use(metered.account(limit_usd=50), 1_000, 0)
    metered.do(export(metered.border))
    metered.later(days=36)
    metered.settle()
    assert ["35 days" in str(why) for why in frozen(metered)][:1] == [True]
    assert counted(metered) == 0
    assert metered.report().differences[0].about == "outbox"


def test_too_many_digits_are_for_a_person(metered: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "MANY_DIGITS", 1_000)
    metered.use(metered.account(limit_usd=50), 1_000, 0)
    metered.do(export(metered.border))
    metered.do(send_step(metered.border))
    assert "more than the 15 digits" in str(frozen(metered)[0])


def test_what_nobody_can_know_is_for_a_person(metered: World) -> None:
    """Past 48 hours, and the meter counts something else than either."""
    owner = metered.account(limit_usd=50)
    metered.use(owner, 1_000, 0)
    metered.do(export(metered.border))
    metered.stripe.fail(EVENTS, cut=True, after=True)
    metered.do(send_step(metered.border))
    metered.stripe.usage[0]["value"] = 700
    metered.later(hours=26)
    metered.do(send_step(metered.border))
    (waiting, *_) = [each for each in intents(metered) if not each.done_us]
    assert waiting.result == "the meter has not counted yet"
    metered.later(hours=26)
    metered.do(send_step(metered.border))
    assert "the meter counts 700 tokens" in str(frozen(metered)[0])


def test_a_meter_that_differs_is_found(metered: World) -> None:
    owner = metered.account(limit_usd=50)
    metered.use(owner, 1_000, 0)
    calm(metered)
    metered.stripe.usage[0]["value"] = 700
    metered.later(hours=3)
    (found,) = metered.report().differences
    assert (found.about, found.account_id) == ("meter", owner[0])
    assert "1000 tokens were sent, and the meter counts 700" in found.words


def _invoice(world: World, owner: Owner, cents: int, metadata: dict[str, str]) -> Any:
    """As Stripe draws one for a subscription."""
    of = {each["metadata"]["account_id"]: name for name, each in world.stripe.of("customer").items()}
    made: Any = world.do(world.api.v1.invoices.create_async({"customer": of[owner[0]]}))
    item: Any = {"customer": of[owner[0]], "invoice": made.id, "amount": cents, "currency": "usd"}
    world.do(world.api.v1.invoice_items.create_async(item))
    details = {
        "type": "subscription_details",
        "subscription_details": {"metadata": metadata, "subscription": "sub_1"},
    }
    world.stripe.one(made.id)["parent"] = details
    return made


def test_what_stripe_collected_frees_the_limit(metered: World) -> None:
    """Its own invoice of the metered usage is paid: so much less is owed here, once."""
    owner, other = metered.account(limit_usd=50), metered.account()
    metered.use(owner, 0, 10 * MILLION)
    calm(metered)
    metered.order(other, 5)
    assert metered.left(owner) == -600 * CENT
    made = _invoice(metered, owner, 600, {"tollway_usage": "1"})
    card = metered.stripe.save_card(metered.stripe.one(made.id)["customer"])
    metered.do(metered.api.v1.invoices.finalize_invoice_async(made.id))
    metered.do(metered.api.v1.invoices.mark_uncollectible_async(made.id))
    metered.settle()
    assert metered.left(owner) == -600 * CENT
    metered.do(metered.api.v1.invoices.pay_async(made.id, {"payment_method": card}))
    for event in metered.stripe.pending("invoice.paid"):
        metered.take(event, event)
    calm(metered)
    assert metered.left(owner) == 0
    foreign = _invoice(metered, owner, 900, {})
    metered.do(metered.api.v1.invoices.finalize_invoice_async(foreign.id))
    metered.do(metered.api.v1.invoices.pay_async(foreign.id, {"paid_out_of_band": True}))
    metered.settle()
    assert metered.left(owner) == 0, "somebody else's subscription"
    metered.stripe.one(made.id)["customer"] = "cus_nobody"
    metered.take(event := {**event, "id": "evt_again"})
    metered.settle()
    found = metered.database.read_now(lambda conn: store.list_news(conn, 100))
    assert any("nobody's here" in str(news.outcome) for news in found if news.event_id == event["id"])
