import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from gateway.kit.db import Database
from tests.fixtures.capable import CapableWorker
from tests.fixtures.migrated import migrate
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.running import RunningGateway
from tests.fixtures.scripted import ScriptedWorker

hypothesis_settings.register_profile("tollway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time, and few: a mutant lives or dies by what the tests say, not by luck.
hypothesis_settings.register_profile(
    "mutation", hypothesis_settings.get_profile("tollway"), derandomize=True, max_examples=50
)
hypothesis_settings.load_profile("tollway")  # --hypothesis-profile comes after it, and wins


structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # test_logs.py reads a real process's log


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, on each backend in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    return request.getfixturevalue("postgres").create_database()  # type: ignore[no-any-return]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database."""
    migrate(database_url)
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def worker() -> Iterator[ScriptedWorker]:
    with ScriptedWorker(kind="vllm") as running:  # a kind whose counts are believed
        yield running


@pytest.fixture(scope="module")
def gateway(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("data"), worker.url) as running:
        yield running


@pytest.fixture(scope="session")
def _capable() -> Iterator[CapableWorker]:
    with CapableWorker() as running:
        yield running


@pytest.fixture
def capable(_capable: CapableWorker) -> CapableWorker:
    """A worker that plays a capable model, and has been told nothing yet."""
    _capable.says()
    return _capable


@pytest.fixture(scope="session")
def capable_gateway(
    _capable: CapableWorker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    """In front of it, as a worker and as the Mistral API."""
    options = {"mistral_url": _capable.url, "mistral_api_key": "mistral-secret", "first_byte_timeout_s": 30.0}
    with RunningGateway(tmp_path_factory.mktemp("capable"), _capable.url, **options) as running:
        yield running


@pytest.fixture
def fresh() -> Callable[[], str]:
    """Names nobody used before."""
    return lambda: f"acct-{uuid.uuid4().hex[:12]}"
