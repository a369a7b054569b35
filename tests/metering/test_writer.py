"""P1 and P2 at their narrowest: holds from memory and from the database, charges in batches, and what fails."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from gateway.credit import store as credit
from gateway.credit.draw import LEASE_HOLDS_MIN, LEASE_SHARE
from gateway.credit.give import give
from gateway.credit.types import Hold
from gateway.errors import InsufficientCredit, StorageUnavailable
from gateway.kit.db import Database
from gateway.metering.batch import ProcessLost, Settled
from gateway.metering.store import find_event
from gateway.metering.writer import ASKS_MAX, Writer
from tests.fixtures.ledger import Books, order, serve

HOLD = 1_000 + 10 * 600
COST = 5 * 200 + 2 * 600
RICH = 64 * 8 * HOLD * 4


def test_a_request_is_held_and_charged(books: Books) -> None:
    owner, writer = books.account(HOLD), books.writer()
    hold = books.do(writer.hold(order(owner)))
    assert (hold.amount_nanousd, hold.output_tokens_max) == (HOLD, 10)
    assert books.balance(owner[0]).available_nanousd == 0
    settled = books.do(writer.charge(books.charge(hold)))
    assert (settled.event.cost_nanousd, settled.remaining_nanousd) == (COST, HOLD - COST)
    found = books.balance(owner[0])
    assert (found.settled_nanousd, found.held_nanousd) == (COST, 0), "what was left over went back at once"
    assert books.findings() == ()


def test_a_large_balance_is_leased_and_the_database_is_not_asked(books: Books) -> None:
    owner, writer = books.account(RICH), books.writer()
    books.do(serve(writer, books, order(owner)))
    surplus = books.balance(owner[0]).held_nanousd
    assert surplus >= 8 * HOLD
    coroutine = writer.hold(order(owner))
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)  # it does not wait for anything
    hold = done.value.value
    assert books.balance(owner[0]).held_nanousd == surplus, "it came out of the lease"
    books.do(writer.charge(books.charge(hold)))
    assert books.findings() == ()


def test_a_lease_is_not_filled_up_from_credit_that_expired(books: Books) -> None:
    owner, writer = books.account(RICH), books.writer()
    books.do(serve(writer, books, order(owner)))
    expires = books.now + 1
    books.database.write_now(
        lambda conn: give(conn, owner[0], RICH, kind="promotion", reason="t", expires_us=expires)
    )
    books.now = expires
    books.do(serve(writer, books, order(owner)))  # from memory: the lease does not know of that grant
    assert books.do(writer.hold(order(owner))).amount_nanousd == HOLD
    assert books.balance(owner[0]).granted_nanousd == RICH, "asked again, it took back what expired"
    assert books.findings() == ()


def test_a_lease_that_nobody_uses_goes_back(books: Books) -> None:
    owner, writer = books.account(RICH), books.writer()
    books.do(serve(writer, books, order(owner)))
    assert books.balance(owner[0]).held_nanousd > 0

    for _ in range(2):
        books.tick(writer)
    assert books.balance(owner[0]).held_nanousd == 0
    assert books.findings() == ()


def test_what_cannot_be_afforded_whole_is_clamped(books: Books) -> None:
    owner, writer = books.account(1_000 + 5 * 600 + 599), books.writer()
    hold = books.do(writer.hold(order(owner)))
    assert (hold.amount_nanousd, hold.output_tokens_max) == (1_000 + 5 * 600, 5)


@pytest.mark.parametrize(
    ("credit", "held"), [(LEASE_SHARE * LEASE_HOLDS_MIN * HOLD + HOLD, True), (100 * HOLD, False)]
)
def test_a_bound_is_held_only_where_there_is_plenty(books: Books, credit: int, held: bool) -> None:
    """Else a thousand bounds would hold what a hundred exact requests could spend."""
    owner, writer = books.account(credit), books.writer()
    assert (books.do(writer.hold_bound(order(owner))) is not None) is held
    assert books.do(writer.hold(order(owner))).amount_nanousd == HOLD


@pytest.mark.parametrize("short", [0, 1, 999, 1_000, 1_599])
def test_less_than_the_prompt_and_one_token_is_refused(books: Books, short: int) -> None:
    owner, writer = books.account(short), books.writer()
    with pytest.raises(InsufficientCredit) as refusal:
        books.do(writer.hold(order(owner)))
    assert refusal.value.extra == {"needed_nanousd": 1_600, "available_nanousd": short}


@pytest.mark.parametrize("processes", [1, 4])
def test_exactly_what_is_affordable_is_served(books: Books, processes: int) -> None:
    """A thousand at once; the account affords a hundred at their full price."""
    owner = books.account(100 * HOLD)
    writers = [books.writer() for _ in range(processes)]
    asked = [writers[n % processes].hold(order(owner)) for n in range(1_000)]
    holds = [hold for hold in books.all(*asked) if isinstance(hold, Hold)]
    assert len(holds) == 100
    assert books.balance(owner[0]).available_nanousd == 0
    by_process = {writer.process_id: writer for writer in writers}
    settled = books.all(*(by_process[hold.process_id].charge(books.charge(hold)) for hold in holds))
    assert books.balance(owner[0]).settled_nanousd == sum(each.event.cost_nanousd for each in settled)
    assert books.findings() == ()


def test_a_hold_grows_with_its_stream(books: Books) -> None:
    owner, writer = books.account(1_000 + 25 * 600), books.writer()
    wanted = order(owner)
    hold = books.do(writer.hold(wanted))
    hold = books.do(writer.extend(wanted, hold, 10))
    assert (hold.output_tokens_max, hold.amount_nanousd) == (20, 1_000 + 20 * 600)
    hold = books.do(writer.extend(wanted, hold, 10))
    assert hold.output_tokens_max == 25, "the last step is what there is"
    assert books.do(writer.extend(wanted, hold, 10)) is None
    settled = books.do(writer.charge(books.charge(hold, 25)))
    assert settled.event.cost_nanousd == 1_000 + 25 * 600
    assert books.balance(owner[0]).remaining_nanousd == 0


def test_what_a_dead_process_held_is_given_back_and_cannot_be_charged(books: Books) -> None:
    owner, writer = books.account(HOLD), books.writer()
    wanted = order(owner)
    hold = books.do(writer.hold(wanted))
    assert books.bury() == 1
    assert books.balance(owner[0]).available_nanousd == HOLD
    with pytest.raises(ProcessLost):
        books.do(writer.charge(books.charge(hold)))
    with pytest.raises(ProcessLost):
        books.do(writer.extend(wanted, hold, 1))
    with pytest.raises(ProcessLost):
        books.do(writer.charge(books.charge(hold)))
    assert books.do(serve(writer, books, order(owner))).event.cost_nanousd == COST, (
        "it goes on under a new name"
    )
    assert books.findings() == ()


def test_a_caller_that_leaves_while_it_waits_holds_nothing(books: Books) -> None:
    owner, writer = books.account(HOLD), books.writer()

    async def leave(at: int) -> None:
        task = asyncio.ensure_future(writer.hold(order(owner)))
        for _ in range(at):
            await asyncio.sleep(0)
        task.cancel()
        (hold,) = await asyncio.gather(task, return_exceptions=True)
        if not isinstance(hold, BaseException):
            await writer.charge(books.charge(hold, outcome="worker_failed"))  # it had it: it must end it
        await writer.flushed()

    for at in range(1, 12):
        books.do(leave(at))
    assert books.do(writer.hold(order(owner))).amount_nanousd == HOLD
    assert books.findings() == ()


def test_stopping_gives_every_lease_back(books: Books) -> None:
    owner, writer = books.account(RICH), books.writer()
    books.do(serve(writer, books, order(owner)))
    books.do(writer.close())
    assert books.balance(owner[0]).held_nanousd == 0
    with pytest.raises(StorageUnavailable, match="stopping"):
        books.do(writer.hold(order(owner)))
    books.do(writer.close())
    assert books.findings() == ()


def test_a_batch_whose_commit_arrived_unheard_is_not_committed_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost after the commit: the same batch runs again, and its first answers come back."""
    owner, poor, writer = books.account(10 * HOLD), books.account(1_600), books.writer()
    hold = books.do(writer.hold(order(owner)))
    real, lost = books.database._outcomes, iter([True])

    def lose_once(group: Any) -> Any:
        outcomes = real(group)
        if next(lost, False):
            raise OperationalError("commit", {}, Exception("server closed the connection"))
        return outcomes

    monkeypatch.setattr(books.database, "_outcomes", lose_once)
    charged, held, clamped, refused = books.all(
        writer.charge(books.charge(hold)),
        writer.hold(order(owner)),
        writer.hold(order(poor)),
        writer.hold(order(poor)),
    )
    assert isinstance(charged, Settled)
    assert charged.event.cost_nanousd == COST
    assert (held.amount_nanousd, clamped.amount_nanousd) == (HOLD, 1_600)
    assert isinstance(refused, InsufficientCredit)
    for each in (held, clamped):
        books.do(writer.charge(books.charge(each, 1)))
    assert books.findings() == ()


def test_one_bad_entry_does_not_take_the_others_with_it(books: Books) -> None:
    owner, writer = books.account(10 * HOLD), books.writer()
    holds = books.all(*(writer.hold(order(owner)) for _ in range(3)))
    too_much = books.charge(holds[1], 1_000)
    first, bad, last, asked = books.all(
        writer.charge(books.charge(holds[0])),
        writer.charge(too_much),
        writer.charge(books.charge(holds[2])),
        writer.hold(order(owner)),
    )
    assert isinstance(bad, AssertionError)
    assert first.event.cost_nanousd == last.event.cost_nanousd == COST
    assert asked.amount_nanousd == HOLD
    assert books.balance(owner[0]).settled_nanousd == 2 * COST
    books.do(writer.charge(books.charge(asked)))
    assert books.findings() == ()


def test_a_ledger_that_cannot_be_written_refuses_new_work_until_it_can(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, writer = books.account(RICH), books.writer()
    books.do(serve(writer, books, order(owner)))
    hold = books.do(writer.hold(order(owner)))

    async def away(_work: Any) -> Any:
        raise StorageUnavailable("the ledger is away")

    with monkeypatch.context() as broken:
        broken.setattr(books.database, "write", away)
        with pytest.raises(StorageUnavailable):
            books.do(writer.charge(books.charge(hold)))
        with pytest.raises(StorageUnavailable):
            books.do(writer.hold(order(owner)))  # there is credit in memory, but no bill could be written
    with pytest.raises(StorageUnavailable):
        books.do(writer.hold(order(owner)))

    books.tick(writer)
    assert books.do(serve(writer, books, order(owner))).event.cost_nanousd == COST
    assert books.database.read_now(lambda conn: find_event(conn, hold.request_id)) is None
    assert books.findings() == ()


def test_too_many_waiting_are_refused(books: Books) -> None:
    owner, writer = books.account(HOLD), books.writer()
    outcomes = books.all(*(writer.hold(order(owner)) for _ in range(ASKS_MAX + 10)))
    refused = [outcome for outcome in outcomes if isinstance(outcome, StorageUnavailable)]
    assert len(refused) == 10
    assert sum(isinstance(outcome, Hold) for outcome in outcomes) == 1


def test_a_process_without_work_says_that_it_lives(books: Books) -> None:
    owner, writer = books.account(HOLD), books.writer()
    hold = books.do(writer.hold(order(owner)))

    for _ in range(4):
        books.now += 40 * 10**6
        books.tick(writer)
        assert books.database.write_now(lambda conn: credit.lock_dead_process(conn, books.now)) is None
    assert books.do(writer.charge(books.charge(hold))).event.cost_nanousd == COST


def test_two_writers_of_one_account_on_two_connections(books: Books, database_url: str) -> None:
    owner = books.account(RICH)
    other = Database(database_url)
    mine, theirs = books.writer(), Writer(other, lease_ttl_us=60_000_000, clock=lambda: books.now)
    results = books.all(*(serve([mine, theirs][n % 2], books, order(owner)) for n in range(200)))
    assert sum(each.event.cost_nanousd for each in results) == books.balance(owner[0]).settled_nanousd
    books.all(mine.close(), theirs.close())
    other.close()
    assert books.balance(owner[0]).held_nanousd == 0
    assert books.findings() == ()
