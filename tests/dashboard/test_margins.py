"""Revenue beside what workers cost: by model, account and day, and what share of it is known."""

from collections.abc import Iterator

import msgspec
import pytest

from gateway.dashboard.margins import _series
from gateway.kit.money import cost_nanousd
from gateway.rollups.types import Sums
from gateway.settings import WorkerSettings
from gateway.statements.words import exact
from tests.dashboard.browsing import Browser, signed_in
from tests.dashboard.test_pages import M, ask
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

PAGE = "/dashboard/operator/margins"
INPUT, OUTPUT = 30_000_000, 90_000_000


@pytest.fixture
def site(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """Its worker costs $0.03 and $0.09 a million tokens."""
    priced = WorkerSettings(url=worker.url, usd_per_mtok={"input": "0.03", "output": "0.09"})
    with RunningGateway(tmp_path_factory.mktemp("priced"), priced) as running:
        yield running


@pytest.fixture
def operator(site: RunningGateway) -> Iterator[Browser]:
    with signed_in(site, "op@example.com", operator=True) as browser:
        yield browser


def title(nanousd: int) -> str:
    return f'title="{exact(nanousd)}"'


def test_a_margin_of_what_is_known(site: RunningGateway, operator: Browser) -> None:
    assert "Nobody asked anything" in operator.page(PAGE)
    assert "Nothing is said" not in operator.page(PAGE)
    event = site.event(ask(site, site.account("margin & sons")).request_id)
    worker_cost = cost_nanousd(event.input_tokens, INPUT) + cost_nanousd(event.output_tokens, OUTPUT)
    assert event.worker_cost_nanousd == worker_cost > 0
    margin = event.cost_nanousd - worker_cost
    eventually(lambda: title(margin) in operator.page(PAGE), "it is in the sums")
    for time in ("this month", "last 30 days"):
        page = operator.page(f"{PAGE}?time={time}")
        cards, by_model, by_account = page.split("By day")[0], *page.split("By model")[1].split("By account")
        for part in (cards, by_model, by_account):
            assert all(title(each) in part for each in (event.cost_nanousd, worker_cost, margin))
            assert "100 %" in part
        assert M in by_model
        assert "margin &amp; sons" in by_account
        assert "<svg" in page
    assert operator.get(PAGE, params={"time": "for ever"}).status_code == 400


def test_customers_see_nothing_of_it(site: RunningGateway) -> None:
    with (
        site.api(site.account("customer")) as api,
        signed_in(site, "c@example.com", customer="owner") as owner,
    ):
        request_id = api.post("/v1/chat/completions", json=chat("ok")).headers["x-request-id"]
        event = site.event(request_id)
        assert event.worker_cost_nanousd
        account = f"/dashboard/accounts/{event.account_id}"
        for text in (
            api.get(f"/v1/receipts/{request_id}").text,
            owner.page(f"{account}/requests/{request_id}"),
            owner.page(f"{account}/usage"),
            owner.page(f"{account}/usage.csv"),
        ):
            assert "worker_cost" not in text
            assert exact(event.worker_cost_nanousd) not in text


def test_what_failed_has_no_known_cost(site: RunningGateway) -> None:
    with site.api(site.account("failing")) as api:
        answer = api.post("/v1/chat/completions", json=chat("bad_status status=500"))
    event = site.event(answer.headers["x-request-id"])
    assert event.outcome == "worker_failed"
    assert event.worker_cost_nanousd is None


def test_without_a_cost_the_page_says_how_to_set_one(gateway: RunningGateway) -> None:
    answer = ask(gateway, gateway.account("unsaid"))
    assert gateway.event(answer.request_id).worker_cost_nanousd is None
    with signed_in(gateway, "unsaid@example.com", operator=True) as browser:
        eventually(lambda: title(answer.cost.nanousd) in browser.page(PAGE), "its revenue is in the sums")
        page = browser.page(PAGE)
    assert "usd_per_mtok" in page
    assert "Nothing is said" in page
    assert "revenue, cost not known" in page
    assert "100 %" not in page


def test_the_parts_of_a_day_add_up() -> None:
    def day(cost: int, known: int, worker: int) -> Sums:
        return Sums(cost_nanousd=cost, cost_known_nanousd=known, worker_cost_nanousd=worker)

    days = [day(10, 8, 5), day(10, 8, 11), day(0, 0, 3), day(4, 0, 0)]
    parts = {each.name: list(each.values) for each in _series(days)}
    assert parts == {
        "worker cost": [5, 8, 0, 0],
        "margin": [3, 0, 0, 0],
        "worker cost beyond revenue": [0, 3, 3, 0],
        "revenue, cost not known": [2, 2, 0, 4],
    }
    assert [sum(column) for column in zip(*parts.values(), strict=True)] == [10, 13, 3, 4]
    assert _series([Sums()]) == []
    assert msgspec.structs.replace(days[1], requests=1).margin_nanousd == -3
