"""Caps of keys: per day, per month, in all; exact across processes, whatever the account still has."""

import pytest

from gateway.credit.draw import periods_of
from gateway.credit.store import read_key_counters
from gateway.credit.types import Caps, Hold
from gateway.errors import InsufficientCredit, KeyCapReached
from tests.fixtures.ledger import FEBRUARY, JANUARY, Books, order, serve

HOLD = 1_000 + 10 * 600
COST = 5 * 200 + 2 * 600
DAY = 86_400_000_000


@pytest.mark.parametrize("processes", [1, 4])
def test_exactly_what_the_cap_affords_is_served(books: Books, processes: int) -> None:
    owner, caps = books.account(10**12), Caps(total_nanousd=30 * HOLD)
    writers = [books.writer() for _ in range(processes)]
    asked = [writers[n % processes].hold(order(owner, caps=caps)) for n in range(300)]
    holds = [hold for hold in books.all(*asked) if isinstance(hold, Hold)]
    assert len(holds) == 30
    by_process = {writer.process_id: writer for writer in writers}
    settled = books.all(*(by_process[hold.process_id].charge(books.charge(hold)) for hold in holds))
    spent = sum(each.event.cost_nanousd for each in settled)
    periods = periods_of(books.now)
    counters = books.database.read_now(lambda conn: read_key_counters(conn, [owner[1]], periods))
    assert {(period, each.settled_nanousd, each.held_nanousd) for (_, period), each in counters.items()} == {
        (period, spent, 0) for period in ("day:2027-01-15", "month:2027-01", "total")
    }
    assert books.findings() == ()


@pytest.mark.parametrize(
    ("caps", "again_at"),
    [
        (Caps(day_nanousd=HOLD), JANUARY + DAY),
        (Caps(month_nanousd=HOLD), FEBRUARY),
        (Caps(day_nanousd=HOLD, month_nanousd=10 * HOLD, total_nanousd=20 * HOLD), JANUARY + DAY),
    ],
)
def test_a_cap_ends_with_its_period(books: Books, caps: Caps, again_at: int) -> None:
    owner, writer = books.account(10**12), books.writer()
    hold = books.do(writer.hold(order(owner, caps=caps)))
    assert hold.output_tokens_max == 10
    books.do(writer.charge(books.charge(hold, 10)))
    with pytest.raises(KeyCapReached):
        books.do(writer.hold(order(owner, caps=caps)))
    books.now = again_at
    assert books.do(serve(writer, books, order(owner, caps=caps))).event.cost_nanousd == COST
    assert books.findings() == ()


def test_a_cap_clamps_and_says_which_it_is(books: Books) -> None:
    owner, writer = books.account(10**12), books.writer()
    caps = Caps(day_nanousd=1_000 + 3 * 600)
    hold = books.do(writer.hold(order(owner, caps=caps)))
    assert hold.output_tokens_max == 3
    with pytest.raises(KeyCapReached, match="cap per day") as refusal:
        books.do(writer.hold(order(owner, caps=caps)))
    assert refusal.value.extra == {"needed_nanousd": 1_600, "available_nanousd": 0}


def test_an_account_poorer_than_its_keys_cap_is_what_counts(books: Books) -> None:
    owner, writer = books.account(100), books.writer()
    with pytest.raises(InsufficientCredit) as refusal:
        books.do(writer.hold(order(owner, caps=Caps(total_nanousd=10**12))))
    assert type(refusal.value) is InsufficientCredit


def test_what_a_key_spent_before_its_cap_counts(books: Books) -> None:
    owner, writer = books.account(10**12), books.writer()
    books.do(serve(writer, books, order(owner)))
    caps = Caps(total_nanousd=COST + HOLD - 1)
    assert books.do(writer.hold(order(owner, caps=caps))).output_tokens_max == 9
    assert books.do(writer.hold(order((owner[0], books.key(owner[0])), caps=caps))).output_tokens_max == 10


def test_what_a_dead_process_held_of_a_cap_is_given_back(books: Books) -> None:
    owner, caps = books.account(10**12), Caps(day_nanousd=HOLD)
    books.do(books.writer().hold(order(owner, caps=caps)))
    survivor = books.writer()
    with pytest.raises(KeyCapReached):
        books.do(survivor.hold(order(owner, caps=caps)))
    assert books.findings() == ()
    assert books.bury() == 2
    assert books.do(survivor.hold(order(owner, caps=caps))).amount_nanousd == HOLD
    assert books.findings() == ()


def test_a_stream_over_midnight_stays_in_the_day_in_which_it_began(books: Books) -> None:
    owner, writer, caps = books.account(10**12), books.writer(), Caps(day_nanousd=2 * HOLD)
    wanted = order(owner, caps=caps)
    hold = books.do(writer.hold(wanted))
    books.now += DAY
    hold = books.do(writer.extend(wanted, hold, 5))
    books.do(writer.charge(books.charge(hold, 15)))
    periods = {*periods_of(books.now - DAY), *periods_of(books.now)}
    counters = books.database.read_now(lambda conn: read_key_counters(conn, [owner[1]], periods))
    assert counters[owner[1], "day:2027-01-15"].settled_nanousd == 5 * 200 + 15 * 600
    assert (owner[1], "day:2027-01-16") not in counters
    assert books.findings() == ()
