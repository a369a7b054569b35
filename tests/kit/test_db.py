"""Group commit: many writers, one transaction, nobody harmed by a stranger's mistake."""

import asyncio
import queue
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from gateway.accounts.tables import accounts
from gateway.errors import NotFound, StorageUnavailable
from gateway.kit import schema
from gateway.kit.db import Database, WriteConn


def add(name: str) -> object:
    return lambda conn: conn.execute(insert(accounts), {"id": name, "name": name, "created_us": 0})


def names(database: Database) -> set[str]:
    return set(database.read_now(lambda conn: conn.execute(select(accounts.c.name)).scalars().all()))


def test_many_writers_share_commits(database: Database) -> None:
    begun = threading.Event()
    transactions: list[int] = []

    def slow(conn: WriteConn) -> None:
        begun.set()
        transactions.append(id(conn))

    async def run() -> None:
        await asyncio.gather(*(database.write(add(f"a{i}")) for i in range(100)), database.write(slow))  # type: ignore[arg-type]

    asyncio.run(run())
    assert begun.is_set()
    assert names(database) == {f"a{i}" for i in range(100)}


def test_one_mistake_in_a_group_harms_nobody_else(database: Database) -> None:
    database.write_now(add("taken"))  # type: ignore[arg-type]

    async def run() -> list[object]:
        work = [database.write(add(name)) for name in ("b1", "b2", "taken", "b3")]  # type: ignore[arg-type]
        return await asyncio.gather(*work, return_exceptions=True)

    results = asyncio.run(run())
    assert [isinstance(result, IntegrityError) for result in results] == [False, False, True, False]
    assert names(database) == {"taken", "b1", "b2", "b3"}


def test_a_refusal_is_its_callers_alone_and_the_group_commits_once(database: Database) -> None:
    transactions: list[int] = []

    def refuse(conn: WriteConn) -> None:
        raise NotFound("no such thing here")

    def note(conn: WriteConn) -> None:
        transactions.append(id(conn))

    def wait(conn: WriteConn) -> None:
        time.sleep(0.1)  # the others gather meanwhile

    async def run() -> list[object]:
        first = asyncio.ensure_future(database.write(wait))
        await asyncio.sleep(0.02)
        group = [database.write(work) for work in (note, refuse, add("d1"), note)]  # type: ignore[arg-type]
        return await asyncio.gather(first, *group, return_exceptions=True)

    results = asyncio.run(run())
    assert [isinstance(result, NotFound) for result in results] == [False, False, True, False, False]
    assert len(transactions) == 2, "each ran once"
    assert len(set(transactions)) == 1
    assert "d1" in names(database)


def test_a_database_that_comes_back_is_waited_for(database: Database) -> None:
    failures = iter([True, True, False])

    def flaky(conn: WriteConn) -> str:
        if next(failures):
            raise OperationalError("server closed the connection", None, Exception())
        return "done"

    assert database.write_now(flaky) == "done"


def test_a_database_that_stays_away_is_not(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    schema.upgrade(url)
    database = Database(url, retry_s=0.1)

    def broken(conn: WriteConn) -> None:
        raise OperationalError("gone", None, Exception())

    with pytest.raises(StorageUnavailable, match="nothing was charged"):
        database.write_now(broken)
    database.close()


def test_closing_commits_what_was_submitted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    schema.upgrade(url)
    database = Database(url)
    told: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    for i in range(50):
        database._submit(add(f"c{i}"), lambda _, error: told.put(error))
    database.close()
    assert [told.get_nowait() for _ in range(50)] == [None] * 50
    again = Database(url)
    assert len(names(again)) == 50
    again.close()


def test_a_database_that_cannot_be_read(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'nowhere' / 'x.db'}")
    with pytest.raises(StorageUnavailable):
        database.read_now(lambda conn: conn.execute(select(accounts)).all())
    database.close()


def test_a_cancelled_caller_does_not_stop_the_writer(database: Database) -> None:
    """It once did: the thread died of the cancelled future, and nothing was written any more."""

    async def leave() -> None:
        begun, go_on = threading.Event(), threading.Event()

        def slow(_conn: object) -> None:
            begun.set()
            go_on.wait(5)

        first = asyncio.ensure_future(database.write(slow))
        second = asyncio.ensure_future(database.write(slow))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait, 5)
        first.cancel()
        second.cancel()
        go_on.set()
        await asyncio.gather(first, second, return_exceptions=True)

    asyncio.run(leave())
    assert database.write_now(lambda _conn: 7) == 7


def test_another_process_is_waited_for(tmp_path: Path) -> None:
    """In short looks: its turn is taken soon after it ended, and for no longer than `BUSY_S`."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    schema.upgrade(url)
    database, other = Database(url), create_engine(url, isolation_level=None)
    database.write_now(add("first"))  # type: ignore[arg-type]
    with other.connect() as conn:
        conn.exec_driver_sql("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=lambda: database.write_now(add("second")))  # type: ignore[arg-type]
        waiting.start()
        time.sleep(0.5)
        assert names(database) == {"first"}
        conn.exec_driver_sql("COMMIT")
        waiting.join(5)
    assert names(database) == {"first", "second"}
    other.dispose()
    database.close()


def test_whoever_keeps_it_for_too_long_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.kit.engine.BUSY_S", 0.1)
    url = f"sqlite:///{tmp_path / 'x.db'}"
    schema.upgrade(url)
    database, other = Database(url, retry_s=0.1), create_engine(url, isolation_level=None)
    with other.connect() as conn:
        conn.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable):
            database.write_now(add("never"))  # type: ignore[arg-type]
        conn.exec_driver_sql("ROLLBACK")
    database.write_now(add("later"))  # type: ignore[arg-type]
    assert names(database) == {"later"}
    other.dispose()
    database.close()
