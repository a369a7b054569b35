from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from gateway.billing import stripe_api
from gateway.kit.db import Database
from tests.billing.world import World, world_of
from tests.fixtures.migrated import migrate


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between tries at Stripe's are real, and tests have seen them."""
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_args, **_named: 0.0)
    monkeypatch.setattr(stripe_api, "RATE_LIMIT_PAUSES_S", (0.0, 0.0, 0.0, 0.0))


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """On SQLite and on PostgreSQL."""
    with world_of(database, monkeypatch) as made:
        yield made


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """On SQLite, for what is tried a hundred times; and each failure reaches us: Stripe's library tries nothing again."""
    monkeypatch.setattr(stripe_api, "RETRIES", 0)
    url = f"sqlite:///{tmp_path / 'test.db'}"
    migrate(url)
    database = Database(url)
    with world_of(database, monkeypatch) as made:
        yield made
    database.close()
