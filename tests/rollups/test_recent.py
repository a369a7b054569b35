"""Sums made as requests are billed are those that reading the events again would make, whoever else bills the same account."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from gateway.jobs.roll_up import EVERY_S, roll_step
from gateway.kit.db import Database
from gateway.rollups import roll as rolling
from gateway.rollups.audit import audit_all
from gateway.rollups.recent import Recent
from gateway.rollups.store import count_behind, list_behind
from tests.fixtures.ledger import Books
from tests.rollups.test_roll import Filled


@pytest.fixture
def recent(books: Books, monkeypatch: pytest.MonkeyPatch) -> Recent:
    """Of every writer that the books open."""
    recent, writer = Recent(), books.writer

    def telling(*args: Any, **options: Any) -> Any:
        found = writer(*args, **options)
        found.told = recent.note
        return found

    monkeypatch.setattr(books, "writer", telling)
    return recent


def agrees(database: Database) -> None:
    assert database.read_now(lambda conn: list_behind(conn, 10)) == []
    assert database.read_now(lambda conn: audit_all(conn, 0)).differences == ()


def never(*_: Any) -> Any:
    raise AssertionError("nothing need be read")


def test_what_was_billed_here_is_not_read_again(
    books: Books, recent: Recent, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = Filled(books)
    monkeypatch.setattr("gateway.jobs.roll_up.prepare", never)
    assert asyncio.run(roll_step(books.database, recent)) == EVERY_S
    agrees(books.database)
    filled.serve(9)
    assert asyncio.run(roll_step(books.database, recent)) == EVERY_S
    agrees(books.database)


def test_what_others_billed_is_read_and_nothing_is_added_twice(
    books: Books, recent: Recent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process's requests and another's in turn; it also begins behind, and loses what it knew."""
    monkeypatch.setattr(rolling, "EVENTS_MAX", 7)
    filled, note = Filled(books, 20), recent.note
    for heard in (False, True, False, True, True):
        monkeypatch.setattr(recent, "note", note if heard else lambda _: None)
        filled.serve(15)
        for _ in range(2):
            asyncio.run(roll_step(books.database, recent))
    while asyncio.run(roll_step(books.database, recent)) == 0.0:
        pass
    agrees(books.database)


def test_what_could_not_be_written_is_read_the_next_time(books: Books, recent: Recent) -> None:
    filled = Filled(books, 20)
    [most, *_] = books.database.read_now(lambda conn: list_behind(conn, 10))
    assert recent.take(most) is not None
    assert recent.take(most) is None
    filled.serve(5)
    while asyncio.run(roll_step(books.database, recent)) == 0.0:
        pass
    agrees(books.database)


def test_another_process_brought_them_up_to_date_before(books: Books, recent: Recent) -> None:
    filled = Filled(books, 20)
    while asyncio.run(roll_step(books.database)) == 0.0:
        pass
    filled.serve(5)
    assert books.database.read_now(lambda conn: count_behind(conn, filled.account)) > 0
    while asyncio.run(roll_step(books.database, recent)) == 0.0:
        pass
    agrees(books.database)
    books.database.write_now(lambda conn: conn.execute(text("UPDATE month_lines SET tokens = tokens + 1")))
    assert books.database.read_now(lambda conn: audit_all(conn, 0)).differences, "the audit would have told"
