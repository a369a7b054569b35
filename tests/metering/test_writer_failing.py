"""The writer when callers leave at bad moments, and when the ledger's answer is lost."""

import asyncio
from typing import Any

import pytest

from gateway.credit.lease import Leases
from gateway.errors import StorageUnavailable
from gateway.metering.batch import ProcessLost
from gateway.metering.store import find_event
from gateway.metering.writer import Writer
from tests.fixtures.ledger import Books, order, serve

HOLD = 1_000 + 10 * 600
COST = 5 * 200 + 2 * 600


def away(books: Books, broken: pytest.MonkeyPatch) -> None:
    async def write(_work: Any) -> Any:
        raise StorageUnavailable("the ledger is away")

    broken.setattr(books.database, "write", write)


def test_a_caller_that_leaves_in_the_moment_it_is_granted_holds_nothing(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, writer = books.account(HOLD), books.writer()
    real = Leases.pin

    async def leave() -> None:
        task = asyncio.ensure_future(writer.hold(order(owner)))

        def pin(*args: Any) -> Any:
            asyncio.get_running_loop().call_soon(task.cancel)
            return real(*args)

        with monkeypatch.context() as during:
            during.setattr(Leases, "pin", pin)
            with pytest.raises(asyncio.CancelledError):
                await task
        await writer.flushed()

    books.do(leave())
    assert books.do(writer.hold(order(owner))).amount_nanousd == HOLD
    assert books.findings() == ()


@pytest.mark.parametrize("fails", [False, True])
def test_a_charge_whose_caller_left_is_charged_all_the_same(
    books: Books, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    owner, writer = books.account(HOLD), books.writer()
    hold = books.do(writer.hold(order(owner)))

    async def leave() -> None:
        charging = asyncio.ensure_future(writer.charge(books.charge(hold)))
        asking = asyncio.ensure_future(writer.hold(order(owner)))
        await asyncio.sleep(0)
        charging.cancel()
        asking.cancel()
        await asyncio.gather(charging, asking, return_exceptions=True)
        await writer.flushed()

    with monkeypatch.context() as broken:
        if fails:
            away(books, broken)
        books.do(leave())
    books.tick(writer)
    event = books.database.read_now(lambda conn: find_event(conn, hold.request_id))
    assert (event is None) is fails
    assert books.balance(owner[0]).settled_nanousd == (0 if fails else COST)
    assert books.findings() == ()


def test_a_bug_in_the_writer_is_handed_to_everybody_who_waits(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the writer goes on, from what the ledger really has: the charge was durable."""
    owner, writer = books.account(10 * HOLD), books.writer()
    hold = books.do(writer.hold(order(owner)))

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as during:
        during.setattr(Writer, "_apply", broken)
        outcomes = books.all(writer.charge(books.charge(hold)), writer.hold(order(owner)))
    assert [str(outcome) for outcome in outcomes] == ["a bug", "a bug"]
    assert books.do(serve(writer, books, order(owner))).remaining_nanousd == 10 * HOLD - 2 * COST
    assert books.findings() == ()


def test_a_process_that_was_given_up_while_the_ledger_was_away_begins_anew(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, writer = books.account(HOLD), books.writer()
    hold = books.do(writer.hold(order(owner)))
    before = writer.process_id
    with monkeypatch.context() as broken:
        away(books, broken)
        with pytest.raises(StorageUnavailable):
            books.do(writer.charge(books.charge(hold)))
    assert books.bury() == 1
    books.tick(writer)
    assert writer.process_id != before
    assert books.do(serve(writer, books, order(owner))).event.cost_nanousd == COST
    assert books.findings() == ()


def test_a_stream_that_asks_for_more_after_its_process_was_given_up_holds_nothing(books: Books) -> None:
    owner, writer = books.account(2 * HOLD), books.writer()
    wanted = order(owner)
    hold = books.do(writer.hold(wanted))
    assert books.bury() == 1
    with pytest.raises(ProcessLost):
        books.do(writer.extend(wanted, hold, 10))
    with pytest.raises(ProcessLost):
        books.do(writer.charge(books.charge(hold)))
    for _ in range(2):
        books.tick(writer)
    assert books.balance(owner[0]).held_nanousd == 0
    assert books.findings() == ()


def test_leases_that_cannot_be_given_back_at_a_stop_expire(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, writer = books.account(HOLD), books.writer()
    books.do(writer.hold(order(owner)))
    with monkeypatch.context() as broken:
        away(books, broken)
        books.do(writer.close())
    assert books.balance(owner[0]).held_nanousd == HOLD
    assert books.bury() == 1
    assert books.balance(owner[0]).held_nanousd == 0


def test_a_client_that_leaves_does_not_cancel_its_bill(books: Books) -> None:
    """Whoever waits is told to stop, twice, and stops once it is known what was charged."""
    owner, writer = books.account(HOLD), books.writer()
    ended: list[str] = []

    async def leave() -> None:
        hold = await writer.hold(order(owner))
        bill = writer.charging(books.charge(hold))

        async def wait() -> None:
            try:
                await bill
            finally:
                ended.append(bill.result().event.outcome)

        waiting = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        assert waiting.cancel()
        assert waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    books.do(leave())
    assert ended == ["completed"]
    assert books.balance(owner[0]).settled_nanousd == COST


@pytest.mark.parametrize("is_away", [False, True])
def test_a_bill_that_was_given_up_is_committed_or_not_all_the_same(
    books: Books, monkeypatch: pytest.MonkeyPatch, is_away: bool
) -> None:
    """`settlement.py` gives it up when the ledger takes too long: whoever waited was told so, and nobody is told twice."""
    owner, writer = books.account(HOLD), books.writer()
    late = StorageUnavailable("too late")

    async def give_up() -> None:
        hold = await writer.hold(order(owner))
        if is_away:
            away(books, monkeypatch)
        bill = writer.charging(books.charge(hold))
        bill.set_exception(late)
        await writer.flushed()
        assert bill.exception() is late

    books.do(give_up())
    monkeypatch.undo()
    assert books.balance(owner[0]).settled_nanousd == (0 if is_away else COST)
