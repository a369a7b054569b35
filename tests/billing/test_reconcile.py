"""Each way in which the two books can differ is found, and named.  What is broken on purpose here, no code of ours does."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.billing import store
from gateway.billing.report import count, last_report, report, report_daily
from gateway.billing.types import Intent, News
from gateway.invoices import store as invoices
from gateway.payments import book
from gateway.payments import store as payments
from gateway.payments.types import Payment
from tests.billing.fire import month_ends
from tests.billing.world import MILLION, Owner, World


def differences(world: World) -> list[tuple[str, str | None, str]]:
    return [(each.about, each.account_id, each.words) for each in world.report().differences]


def _owner(world: World) -> tuple[Owner, str]:
    owner = world.account()
    return owner, world.top_up(owner, 20)


def _lost_payment(world: World, owner: Owner, intent: str) -> None:
    world.stripe.complete(world.order(owner, 30))
    world.stripe.outbox.clear()


def _foreign_payment(world: World, owner: Owner, intent: str) -> None:
    """Booked, and Stripe never heard of it."""
    made = Payment(id="pi_nobody", account_id=owner[0], invoice_id="inv_x", cents=700, at_us=world.books.now)
    world.database.write_now(lambda conn: payments.insert_payment(conn, made))


def _less_arrived(world: World, owner: Owner, intent: str) -> None:
    world.stripe.one(intent)["amount_received"] = 1_000


def _moved_less(world: World, owner: Owner, intent: str) -> None:
    for line in world.stripe.of("balance_transaction").values():
        line["amount"] -= 100


def _lost_refund(world: World, owner: Owner, intent: str) -> None:
    world.do(world.api.v1.refunds.create_async({"payment_intent": intent, "amount": 500}))
    world.stripe.outbox.clear()


def _lost_dispute(world: World, owner: Owner, intent: str) -> None:
    world.stripe.dispute(intent)
    world.stripe.outbox.clear()


def _lost_failure(world: World, owner: Owner, intent: str) -> None:
    world.do(world.api.v1.refunds.create_async({"payment_intent": intent, "amount": 500}))
    world.settle()
    world.stripe.fail_refund(next(iter(world.stripe.of("refund"))))
    world.stripe.outbox.clear()


def _lost_win(world: World, owner: Owner, intent: str) -> None:
    dispute = world.stripe.dispute(intent)["id"]
    world.settle()
    world.stripe.close_dispute(dispute, won=True)
    world.stripe.outbox.clear()


def _made_up_refund(world: World, owner: Owner, intent: str) -> None:
    payment = world.database.read_now(lambda conn: payments.find_payment(conn, intent))
    assert payment is not None
    world.database.write_now(
        lambda conn: book.book_reversal(conn, payment, "re_nobody", "refund", 100, world.books.now)
    )


def _frozen(world: World, owner: Owner, intent: str) -> None:
    now = world.books.now
    row = Intent(id="i", kind="invoice", account_id=owner[0], body="{}", created_us=now, due_us=now)
    world.database.write_now(lambda conn: store.insert_intent(conn, row))
    world.database.write_now(lambda conn: store.note_intent(conn, "i", "nobody knows", frozen_us=now))


def _waits(world: World, owner: Owner, intent: str) -> None:
    now = world.books.now
    row = Intent(id="i", kind="invoice", account_id=owner[0], body="{}", created_us=now, due_us=now + 10**13)
    world.database.write_now(lambda conn: store.insert_intent(conn, row))
    world.later(days=2)


def _old_news(world: World, owner: Owner, intent: str) -> None:
    now = world.books.now
    row = News(
        event_id="evt_1",
        type="refund.created",
        object_id="re_1",
        created_s=1,
        received_us=now,
        due_us=now + 10**13,
    )
    world.database.write_now(lambda conn: store.insert_news(conn, row))


FOUND: dict[Callable[[World, Owner, str], None], list[tuple[str, str]]] = {
    _lost_payment: [("payment", "3000 cents, and nothing is booked")],
    _foreign_payment: [("payment", "Stripe says nothing of it"), ("money", "no money of it")],
    _less_arrived: [("payment", "2000 cents are booked")],
    _moved_less: [("money", "1900 cents arrived of 2000")],
    _lost_refund: [("refund", "its credit did not")],
    _lost_dispute: [("refund", "its credit did not")],
    _lost_failure: [("refund", "ended as None here")],
    _lost_win: [("dispute", "ended as None here")],
    _made_up_refund: [("refund", "ended as None here")],
    _frozen: [("outbox", "frozen: nobody knows")],
    _waits: [("outbox", "waiting since 2027-01-10")],
    _old_news: [("inbox", "refund.created of re_1 is not handled")],
}


@pytest.mark.parametrize("spoil", FOUND, ids=lambda spoil: spoil.__name__)
def test_is_found(spoil: Callable[[World, Owner, str], None], bare: World) -> None:
    owner, intent = _owner(bare)
    spoil(bare, owner, intent)
    bare.later(hours=2)
    found = differences(bare)
    assert len(found) == len(FOUND[spoil])
    for (about, account_id, words), (wanted, some) in zip(found, FOUND[spoil], strict=True):
        assert about == wanted
        assert some in words
        assert account_id == (None if about == "inbox" else owner[0])


def test_young_things_are_not_missed_yet(bare: World) -> None:
    owner, _ = _owner(bare)
    bare.stripe.complete(bare.order(owner, 30))
    bare.take(*bare.stripe.pending())
    assert differences(bare) == []


# -- invoices -------------------------------------------------------------------------------------------------


def _billed(world: World) -> tuple[Owner, dict[str, Any]]:
    owner = world.account(limit_usd=50)
    world.use(owner, 0, 20 * MILLION)
    month_ends(world)
    world.settle()
    (remote,) = world.stripe.of("invoice").values()
    return owner, remote


def _never_sent(world: World, remote: dict[str, Any]) -> None:
    world.stripe.of("invoice").clear()


def _twice(world: World, remote: dict[str, Any]) -> None:
    new: Any = {"customer": remote["customer"], "metadata": remote["metadata"]}
    world.do(world.api.v1.invoices.create_async(new))


def _never_drawn(world: World, remote: dict[str, Any]) -> None:
    new: Any = {"customer": remote["customer"], "metadata": {"invoice_id": "inv_nobody"}}
    world.do(world.api.v1.invoices.create_async(new))


def _other_amount(world: World, remote: dict[str, Any]) -> None:
    remote["subtotal"] += 1


def _paid_there(world: World, remote: dict[str, Any]) -> None:
    world.do(world.api.v1.invoices.pay_async(remote["id"], {"paid_out_of_band": True}))
    world.stripe.outbox.clear()


def _paid_here(world: World, remote: dict[str, Any]) -> None:
    now = world.books.now
    name = remote["metadata"]["invoice_id"]
    world.database.write_now(lambda conn: invoices.add_state(conn, name, "paid", now))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_never_sent, "Stripe does not have it"),
        (_twice, "Stripe has 2 invoices of it"),
        (_never_drawn, "never drawn here"),
        (_other_amount, "cents here,"),
        (_paid_there, "it is finalized here, and paid there"),
        (_paid_here, "it is paid here, and open there"),
    ],
)
def test_an_invoice_that_differs(
    spoil: Callable[[World, dict[str, Any]], None], words: str, bare: World
) -> None:
    _, remote = _billed(bare)
    assert differences(bare) == []
    spoil(bare, remote)
    bare.later(hours=2)
    (found,) = differences(bare)
    assert found[0] == "invoice"
    assert words in found[2]


# -- the report -----------------------------------------------------------------------------------------------


def test_once_a_day(bare: World) -> None:
    assert bare.database.read_now(last_report) is None
    assert bare.database.read_now(count).differences is None
    owner, intent = _owner(bare)
    bare.do(report_daily(bare.border))
    first = bare.database.read_now(last_report)
    assert first is not None
    assert (first.payments, first.paid_cents, first.differences) == (1, 2_000, ())
    _lost_refund(bare, owner, intent)
    bare.do(report_daily(bare.border))
    assert bare.database.read_now(last_report) == first, "one a day"
    assert len(bare.do(report(bare.border)).differences) == 1, "and whenever somebody asks"
    bare.later(days=1)
    bare.do(report_daily(bare.border))
    counts = bare.database.read_now(count)
    assert (counts.waiting, counts.frozen, counts.unhandled, counts.differences) == (0, 0, 0, 1)
