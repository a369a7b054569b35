from collections.abc import Iterator

import pytest

from gateway.kit.db import Database
from tests.fixtures.ledger import Books


@pytest.fixture
def books(database: Database) -> Iterator[Books]:
    opened = Books(database)
    yield opened
    opened.close()
