from collections.abc import Iterator

import pytest

from gateway.kit.db import Database
from tests.billing.world import World, world_of


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """On SQLite and on PostgreSQL."""
    with world_of(database, monkeypatch) as made:
        yield made
