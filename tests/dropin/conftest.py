from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from tests.dropin.clients import CLIENTS, INSTALL, Client, Driver, params
from tests.dropin.site import Site, open_site
from tests.dropin.table import Results
from tests.fixtures.real import require_embedded

Name = Callable[[], str]


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    require_embedded()
    with open_site(tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.fixture(scope="package")
def drivers() -> Iterator[dict[str, Driver]]:
    """Those that were started; a client's script starts with its first scenario and answers all."""
    started: dict[str, Driver] = {}
    yield started
    for driver in started.values():
        driver.close()


RESULTS = pytest.StashKey[Results]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RESULTS] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remembers how each client did with each feature, for the table."""
    report = yield
    client = getattr(item, "callspec", None) and item.callspec.params.get("client")  # type: ignore[attr-defined]
    if client and item.path.name == "test_clients.py" and (report.when == "call" or not report.passed):
        feature = item.function.__name__.removeprefix("test_")  # type: ignore[attr-defined]
        outcome = "broken" if hasattr(report, "wasxfail") else report.outcome
        item.config.stash[RESULTS].setdefault((client.column, feature), set()).add(outcome)
    return report


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of a feature runs for every client that has it; `@clients(…)` names others."""
    if "client" not in metafunc.fixturenames:
        return
    feature = metafunc.function.__name__.removeprefix("test_")
    named = metafunc.definition.get_closest_marker("clients")
    wanted = named.args if named else [each.id for each in CLIENTS if feature not in each.lacks]
    metafunc.parametrize("client", params(feature, *wanted))


class Acting:
    """One client before one account of its own: `act("chat", …)` is what its user saw."""

    def __init__(self, client: Client, driver: Driver, site: Site, account: str) -> None:
        self.client, self.site, self.account = client, site, account
        self._driver = driver
        self._key = ""

    def open_account(self, usd: str = "1") -> None:
        self._key = self.site.gateway.account(self.account, usd)

    def __call__(self, scenario: str, **fields: Any) -> dict[str, Any]:
        if not self._key and "key" not in fields:
            self.open_account()
        return self._driver.ask(scenario, **{"url": self.site.url, "key": self._key, **fields})

    def was_billed_once(self) -> None:
        event = self.site.only_event(self.account)
        assert (event.outcome, event.cost_nanousd > 0) == ("completed", True)

    def billed(self, *usages: dict[str, Any]) -> None:
        """What the client was told is what the ledger has, and no more was charged."""
        costs = [usage["cost_nanousd"] for usage in usages]
        assert min(costs) > 0
        assert self.site.gateway.settled_up(self.account).settled_nanousd == sum(costs)


@pytest.fixture
def act(client: Client, site: Site, drivers: dict[str, Driver], fresh: Name) -> Acting:
    if client.missing is not None:
        pytest.skip(f"{client.column} is NOT TRIED: {client.missing} is not installed ({INSTALL})")
    if client.id not in drivers:
        drivers[client.id] = Driver(client)
    return Acting(client, drivers[client.id], site, fresh())
