from collections.abc import Iterator

import pytest

from gateway.kit.db import Database
from tests.alerts.house import House
from tests.fixtures.ledger import Books


@pytest.fixture
def books(database: Database) -> Iterator[Books]:
    opened = Books(database)
    yield opened
    opened.close()


@pytest.fixture
def house(books: Books) -> House:
    return House(books)
