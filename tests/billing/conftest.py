import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from gateway.billing import stripe_api
from gateway.kit import schema
from gateway.kit.db import Database
from tests.billing.world import World, world_of


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


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "test.db"
    schema.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def bare(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """On SQLite, for what is tried a hundred times; and each failure reaches us: Stripe's library tries nothing again."""
    monkeypatch.setattr(stripe_api, "RETRIES", 0)
    shutil.copy(migrated, tmp_path / "test.db")
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    with world_of(database, monkeypatch) as made:
        yield made
    database.close()
