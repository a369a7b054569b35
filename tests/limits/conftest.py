from collections.abc import Callable, Iterator

import pytest

from gateway.credit.give import open_account
from gateway.kit.db import Database
from tests.limits.process import Clock, Process


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account_id(database: Database) -> str:
    return database.write_now(
        lambda conn: open_account(conn, "a", grant_nanousd=1, kind="top_up", reason="t").id
    )


@pytest.fixture
def start(database: Database, clock: Clock) -> Iterator[Callable[[], Process]]:
    running: list[Process] = []

    def make() -> Process:
        running.append(Process(database.url, clock))
        return running[-1]

    yield make
    for process in running:
        if process._thread.is_alive():
            process.stop()
