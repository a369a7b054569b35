"""What ends in other ways than paid: slow methods, pages that nobody paid on, refunds that fail, disputes that are won, invoices of nobody."""

import msgspec
import pytest
from sqlalchemy import insert

from gateway.billing.invoicing import LINES_MAX, compact
from gateway.errors import Conflict
from gateway.invoices import store as invoices
from gateway.invoices.draw import draw
from gateway.invoices.tables import invoices as invoice_rows
from gateway.invoices.types import InvoiceLine
from gateway.invoices.words import line_words
from gateway.payments import store as payments
from gateway.payments.book import book_reversal
from gateway.statements.types import Statement
from tests.billing.telling import event, outcomes, told
from tests.billing.test_three_months import Lives, sent
from tests.billing.world import CENT, MILLION, USD, World


def ends(world: World, account_id: str) -> list[str | None]:
    found = world.database.read_now(lambda conn: payments.list_top_ups(conn, account_id, 10))
    return [end for _, _, end in found]


@pytest.mark.parametrize("paid", [True, False])
def test_a_slow_method(paid: bool, bare: World) -> None:
    owner = bare.account()
    session = bare.order(owner, 20)
    bare.stripe.complete(session, async_payment=True)
    bare.settle()
    assert bare.left(owner) == 0
    failed = event("checkout.session.async_payment_failed", session)
    bare.stripe.settle(session, paid=paid)
    bare.settle()
    assert bare.left(owner) == (20 * USD if paid else 0)
    assert ends(bare, owner[0]) == [None if paid else "failed"]
    assert told(bare, failed) == ("booked before" if paid else "failed"), "what is paid nevertheless is paid"
    bare.check()


def test_a_page_that_nobody_paid_on(bare: World) -> None:
    owner = bare.account()
    bare.stripe.expire(bare.order(owner, 20))
    bare.settle()
    assert ends(bare, owner[0]) == ["expired"]
    bare.check()


def test_a_refund_that_did_not_arrive(bare: World) -> None:
    owner = bare.account()
    intent = bare.top_up(owner, 20)
    refund = bare.do(bare.api.v1.refunds.create_async({"payment_intent": intent, "amount": 500}))
    bare.settle()
    assert bare.left(owner) == 15 * USD
    bare.stripe.fail_refund(refund.id)
    bare.settle()
    assert bare.left(owner) == 20 * USD
    bare.check()


def test_nothing_could_be_taken_and_the_dispute_is_won(bare: World) -> None:
    lives = Lives(bare)
    intent = bare.top_up(lives.ada, 6)
    bare.use(lives.ada, 0, 10 * MILLION)
    dispute = bare.stripe.dispute(intent)
    bare.settle()
    assert lives.owed(lives.ada) == 6 * USD
    assert lives.suspended(lives.ada) == ["a payment was disputed"]
    bare.stripe.close_dispute(dispute["id"], won=True)
    bare.settle()
    assert (bare.left(lives.ada), lives.owed(lives.ada), lives.suspended(lives.ada)) == (0, 0, [])
    bare.check()


def test_no_more_goes_back_than_came(bare: World) -> None:
    owner = bare.account()
    intent = bare.top_up(owner, 20)
    payment = bare.database.read_now(lambda conn: payments.find_payment(conn, intent))
    assert payment is not None
    with pytest.raises(Conflict, match="0 of 2000 cents"):
        bare.database.write_now(
            lambda conn: book_reversal(conn, payment, "re_1", "refund", 2_001, bare.books.now)
        )


def test_what_is_nobodys_here(bare: World) -> None:
    """Things of the same Stripe account that this gateway did not cause."""
    v1 = bare.api.v1
    stranger = bare.do(v1.customers.create_async()).id
    card = bare.stripe.save_card(stranger)
    intent = bare.do(
        v1.payment_intents.create_async(
            {
                "amount": 900,
                "currency": "usd",
                "customer": stranger,
                "payment_method": card,
                "confirm": True,
                "off_session": True,
            }
        )
    )
    dispute = bare.stripe.dispute(intent.id)
    invoice = bare.do(
        v1.invoices.create_async(
            {"customer": stranger, "metadata": {"invoice_id": "inv_none"}, "auto_advance": False}
        )
    )
    bare.do(
        v1.invoice_items.create_async(
            {"customer": stranger, "invoice": invoice.id, "amount": 900, "currency": "usd"}
        )
    )
    bare.do(v1.invoices.finalize_invoice_async(invoice.id))
    bare.settle()
    said = outcomes(bare)
    assert said[f"charge.dispute.created {dispute['id']}"] == "not ordered here"
    assert said[f"invoice.finalized {invoice.id}"] == "not drawn here"


def test_an_invoice_that_was_changed_at_stripe(bare: World) -> None:
    lives = Lives(bare)
    bare.use(lives.bob, 0, 10 * MILLION)
    bare.at("2027-02-01T00:30:00Z")
    bare.settle()
    assert bare.drawn(lives.bob) == [], "the last request may run still"
    bare.at("2027-02-01T01:30:00Z")
    bare.settle()
    remote = bare.stripe.one(sent(lives, lives.bob))
    remote["status"] = "draft"
    assert told(bare, event("invoice.finalized", remote["id"])) == "a draft still"
    remote.update(status="open", subtotal=1)
    outcome = told(bare, event("invoice.payment_failed", remote["id"]))
    assert outcome is not None and outcome.startswith("refused: ")
    assert any("600 cents here, 1 there" in each.words for each in bare.report().differences)


LINE = InvoiceLine(
    invoice_id="inv_1",
    place=0,
    kind="usage",
    cents=3,
    cost_nanousd=3 * CENT,
    model="m",
    token_class="input_text",
    tokens=7,
)


def test_more_lines_than_stripe_takes() -> None:
    many = tuple(msgspec.structs.replace(LINE, place=place) for place in range(LINES_MAX + 50))
    fewer = compact(many)
    assert len(fewer) == LINES_MAX
    assert sum(line.cents for line in fewer) == sum(line.cents for line in many)
    assert line_words(fewer[-1]) == "51 more lines, see the statement"


@pytest.mark.parametrize(
    ("kind", "says"),
    [("credit", "Credit applied"), ("payment", "Paid since"), ("carried", "Brought forward")],
)
def test_lines_in_words(kind: str, says: str) -> None:
    line = msgspec.structs.replace(LINE, kind=kind, ref="grt_1")
    assert line_words(line).startswith(says) and "grt_1" in line_words(line)


def test_a_debt_is_paid_once(bare: World) -> None:
    """Two top-ups paid it together; of the second only what was needed is named.  And an invoice of nothing has no lines."""
    statement = Statement(
        account_id="acc_1", account_name="a", month="2027-01", begin_us=0, end_us=1, final=True, requests=0, lines=(),
        total_nanousd=0, total_cents=0, rounding_nanousd=0, applied=(), applied_nanousd=0, due_cents=0, price_versions=(),
        first_seq=None, last_seq=None, last_hash=None,
    )  # fmt: skip
    earlier, _ = draw(statement, [], [], 1)
    owing = msgspec.structs.replace(earlier, id="inv_0", total_cents=20, owed_nanousd=20 * CENT)
    invoice, lines = draw(statement, [("grt_1", 15 * CENT), ("grt_2", 9 * CENT), ("grt_3", CENT)], [owing], 2)
    assert [(line.kind, line.cents) for line in lines] == [("carried", 20), ("payment", -15), ("payment", -5)]
    assert (invoice.total_cents, invoice.owed_nanousd) == (0, 0)
    owner = bare.account()
    empty = msgspec.structs.replace(earlier, account_id=owner[0])
    assert bare.database.write_now(lambda conn: invoices.insert_invoice(conn, empty, []))
    assert not bare.database.write_now(lambda conn: invoices.insert_invoice(conn, empty, []))


def test_more_invoices_than_a_statement_takes_names(world: World) -> None:
    """PostgreSQL takes 65,535 parameters in one statement; an operator may have more invoices than that."""
    owner, count = world.account(), 70_000
    row = {
        "account_id": owner[0],
        "created_us": 1,
        "total_cents": 0,
        "owed_nanousd": 0,
        "rounding_nanousd": 0,
    }
    many = [row | {"id": f"inv_{n}", "month": f"{n:07}"} for n in range(count)]
    world.database.write_now(lambda conn: conn.execute(insert(invoice_rows), many))
    assert len(world.database.read_now(invoices.list_drawn)) == count
    assert world.report().invoices == count
