"""Payments, refunds and disputes in any order, against a ledger of ten lines of Python."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.billing.handle import share
from gateway.errors import Conflict
from gateway.kit.db import WriteConn
from gateway.payments import book, store
from gateway.payments.types import Payment, TopUp
from tests.billing.fire import keep, paused
from tests.billing.world import CENT, MILLION, OUTPUT, USD, Owner, World

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pay", "pay", "use", "refund", "dispute", "fail", "win"]),
        st.integers(min_value=0, max_value=5),
        st.integers(min_value=1, max_value=2_000),
    ),
    max_size=25,
)


class Oracle:
    """Nano-dollars.  What is owed is collected from whatever is left, the oldest first; what ended well is given again."""

    def __init__(self) -> None:
        self.left = 0
        self.payments: list[int] = []
        self.back: list[list[Any]] = []
        """[payment, kind, cents, taken, whether it stands, its id]"""

    def collect(self) -> None:
        for each in self.back:
            if each[4]:
                taken = min(each[2] * CENT - each[3], self.left)
                self.left -= taken
                each[3] += taken

    def owed(self) -> int:
        return sum(each[2] * CENT - each[3] for each in self.back if each[4])

    def refunded(self, payment: int) -> int:
        return sum(each[2] for each in self.back if each[0] == payment and each[1] == "refund" and each[4])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_of_money(steps: list[tuple[str, int, int]], bare: World) -> None:
    owner, oracle = bare.account(), Oracle()
    booked: list[Payment] = []
    for number, (kind, which, cents) in enumerate(steps):
        if kind == "pay":
            booked.append(_pay(bare, owner, cents, f"pi_{owner[0]}_{number}"))
            oracle.payments.append(cents)
            oracle.left += cents * CENT
        elif kind == "use" and (tokens := min(cents * 10_000, oracle.left // OUTPUT)):
            oracle.left -= bare.use(owner, 0, tokens)
        elif kind in {"refund", "dispute"} and booked:
            payment = which % len(booked)
            _reverse(
                bare,
                oracle,
                booked,
                payment,
                kind,
                min(cents, booked[payment].cents),
                f"re_{owner[0]}_{number}",
            )
        elif kind in {"fail", "win"} and oracle.back:
            place = which % len(oracle.back)
            _end(bare, oracle, booked, place, "won" if kind == "win" else "failed")
        oracle.collect()
        standings = bare.database.read_now(lambda conn: store.list_standings(conn, owner[0]))
        assert bare.left(owner) == oracle.left >= 0
        assert book.owed(standings) == oracle.owed() >= 0
    assert bare.books.findings() == ()


def _pay(world: World, owner: Owner, cents: int, name: str) -> Payment:
    top_up = TopUp(
        id=f"top_{name}",
        account_id=owner[0],
        kind="checkout",
        cents=cents,
        by="t",
        created_us=world.books.now,
    )

    def pay(conn: WriteConn) -> Payment | None:
        store.insert_top_up(conn, top_up)
        return book.book_top_up(conn, top_up, name, world.books.now)

    booked = world.database.write_now(pay)
    assert booked is not None
    assert (
        world.database.write_now(lambda conn: book.book_top_up(conn, top_up, name, world.books.now)) is None
    )
    return booked


def _reverse(
    world: World, oracle: Oracle, booked: list[Payment], payment: int, kind: Any, cents: int, name: str
) -> None:
    def reverse(conn: WriteConn) -> Any:
        return book.book_reversal(conn, booked[payment], name, kind, cents, world.books.now)

    world.books.now += 1  # the order of rows of one instant is that of their ids
    if kind == "refund" and oracle.refunded(payment) + cents > booked[payment].cents:
        with pytest.raises(Conflict, match="were refunded already"):
            world.database.write_now(reverse)
        return
    assert world.database.write_now(reverse) is not None
    assert world.database.write_now(reverse) is None
    oracle.back.append([payment, kind, cents, 0, True, name])


def _end(world: World, oracle: Oracle, booked: list[Payment], place: int, end: Any) -> None:
    each = oracle.back[place]
    for _ in range(2):
        world.database.write_now(lambda conn: book.end_reversal(conn, each[5], end, world.books.now))
    if each[4]:
        each[4] = False
        oracle.left += each[3]


@given(
    cents=st.integers(1, 10**7),
    tax=st.integers(-(10**6), 10**6),
    parts=st.lists(st.integers(1, 10**6), min_size=1, max_size=9),
)
def test_shares_add_up(cents: int, tax: int, parts: list[int]) -> None:
    """However a payment is refunded: all of it, and each part to the cent."""
    total = max(1, cents + tax)
    before, shares = 0, []
    for part in [*parts, 10**12]:
        amount = min(part, max(total, cents) - before)
        shares.append(share(cents, total, before, amount))
        assert math.floor(amount * cents / max(total, cents)) - 1 <= shares[-1] <= amount
        before += amount
    assert sum(shares) == cents
    assert min(shares) >= 0


def test_an_order_is_paid_once(bare: World) -> None:
    owner = bare.account()
    first, second = (_pay(bare, owner, 500, name) for name in ("pi_1", "pi_2"))
    top_up = bare.database.read_now(lambda conn: store.find_top_up(conn, str(first.top_up_id)))
    for payment_id in ("pi_2", "pi_3"):
        with pytest.raises(Conflict, match="cannot pay"):
            bare.database.write_now(lambda conn, name=payment_id: book.book_top_up(conn, top_up, name, 1))  # type: ignore[misc]
    assert second.cents == 500
    assert bare.left(owner) == 10 * USD


def test_a_bank_takes_what_was_refunded_already(bare: World) -> None:
    """The payer has it twice: that is owed, and the next payment pays it."""
    owner = bare.account()
    payment = _pay(bare, owner, 1_000, "pi_1")
    keep(bare, owner)
    for name, kind in (("re_1", "refund"), ("dp_1", "dispute")):
        bare.database.write_now(
            lambda conn, name=name, kind=kind: book.book_reversal(conn, payment, name, kind, 1_000, 1)
        )  # type: ignore[misc]
    assert paused(bare, owner) == "a payment was refunded"
    assert bare.left(owner) == 0
    _pay(bare, owner, 1_500, "pi_2")
    assert bare.left(owner) == 5 * USD
    assert bare.books.findings() == ()


def test_an_invoice_is_paid_once(bare: World) -> None:
    owner = bare.account(limit_usd=50)
    bare.use(owner, MILLION, 0)

    def pay(conn: WriteConn) -> Payment | None:
        return book.book_invoice(
            conn, owner[0], "inv_1", "pi_1", cents=20, owed_nanousd=20 * CENT, reason="r", now_us=1
        )

    assert bare.database.write_now(pay) is not None
    assert bare.database.write_now(pay) is None
    assert bare.left(owner) == 0


def test_an_invoice_of_nothing_the_ledger_knows_of(bare: World) -> None:
    owner = bare.account()

    def pay(conn: WriteConn) -> Payment | None:
        return book.book_invoice(
            conn, owner[0], "inv_1", "pi_1", cents=20, owed_nanousd=0, reason="r", now_us=1
        )

    booked = bare.database.write_now(pay)
    assert booked is not None
    assert (booked.grant_id, bare.left(owner)) == (None, 0)
