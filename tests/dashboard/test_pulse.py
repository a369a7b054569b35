"""What an operator sees happen: requests and tokens a second, of everybody; each worker's pace and capacity."""

import re
import time
from collections.abc import Iterator

import pytest

from gateway.dashboard.pulse import WINDOW_S, Counted, Flow, Pulse
from gateway.dashboard.words import pace
from tests.dashboard.browsing import Browser, signed_in
from tests.dashboard.test_pages import ask
from tests.fixtures.running import RunningGateway, eventually
from tests.fixtures.scripted import ScriptedWorker

WORKERS = "/dashboard/operator/workers"


def look(at: float, **days: tuple[int, int, int]) -> Counted:
    return Counted(at, {int(day[1:]): counted for day, counted in days.items()})


def test_the_mean_since_the_oldest_look_of_a_minute() -> None:
    pulse = Pulse()
    assert pulse.beat(look(100.0, d7=(10, 100, 1000))) is None, "nothing to compare it with"
    assert pulse.beat(look(100.5, d7=(11, 100, 1000))) is None, "too soon"
    assert pulse.beat(look(110.0, d7=(30, 300, 4000))) == Flow(10, 2.0, 20.0, 300.0)
    assert pulse.beat(look(105.0 + WINDOW_S, d7=(85, 300, 4000))) == Flow(55, 1.0, 0.0, 0.0)


def test_over_midnight_and_after_a_long_silence() -> None:
    pulse = Pulse()
    pulse.beat(look(0.0, d6=(5, 0, 0), d7=(10, 0, 0)))
    assert pulse.beat(look(2.0, d7=(12, 0, 0), d8=(4, 0, 0))) == Flow(2, 3.0, 0.0, 0.0)
    assert pulse.beat(look(2.0 + 2 * WINDOW_S, d8=(999, 0, 0))) is None


@pytest.mark.parametrize(("given", "said"), [(0, "0"), (0.04, "0.0"), (12.34, "12.3"), (1234.5, "1,234")])
def test_how_it_is_said(given: float, said: str) -> None:
    assert pace(given) == said


@pytest.fixture(scope="module")
def site(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("pulse"), worker.url) as running:
        yield running


@pytest.fixture(scope="module")
def operator(site: RunningGateway) -> Iterator[Browser]:
    with signed_in(site, "op@example.com", operator=True) as browser:
        yield browser


def figure(page: str, heading: str) -> float:
    found = re.search(rf'<h2>{heading}</h2><p class="figure">([\d.,]+)', page)
    return float(found[1].replace(",", "")) if found else 0.0


def test_traffic_is_seen_as_it_comes(site: RunningGateway, operator: Browser) -> None:
    key = site.account("busy")
    page = operator.page("/dashboard/operator")
    assert "follows in a second" in page
    assert 'data-live="1"' in page
    for _ in range(8):
        ask(site, key)
    time.sleep(1)
    eventually(
        lambda: figure(operator.page("/dashboard/operator"), "Requests a second") > 0, "requests a second"
    )
    page = operator.page("/dashboard/operator")
    assert figure(page, "Tokens a second") > 0
    assert "0 failed or empty" in page


def test_a_workers_pace_and_capacity(site: RunningGateway, operator: Browser) -> None:
    ask(site, site.account("paced"))
    with site.api(site.operator()) as admin:
        listed = lambda: admin.get("/admin/v1/workers").json()["data"][0]  # noqa: E731
        eventually(lambda: listed()["tokens_per_s"] > 0, "what it wrote counts")
        name, there = listed()["name"], f"{WORKERS}/capacity"
        assert 'data-live="1"' in operator.page(WORKERS)
        assert operator.fill(WORKERS, there, name=name, weight="3", concurrency_max="7").status_code == 303
        assert (listed()["weight"], listed()["concurrency_max"]) == (3, 7)
        assert 'value="7"' in operator.page(WORKERS)
        for wrong in ("0", "-1", "2.5", "many", "9" * 11, str(2**31 + 1)):
            answer = operator.fill(WORKERS, there, name=name, weight="3", concurrency_max=wrong)
            assert (answer.status_code, "whole number" in answer.text) == (400, True), wrong
        assert operator.fill(WORKERS, there, name="nobody", weight="3").status_code == 404
        assert operator.fill(WORKERS, there, name=name, weight="", concurrency_max="").status_code == 303
        assert (listed()["weight"], listed()["concurrency_max"]) == (1, None), "as configured"
