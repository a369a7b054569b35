"""What tokens cost whoever runs a worker: not said is not 0."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.read_toml import shipped
from gateway.catalog.snapshot import Catalog
from gateway.configure import workers_of
from gateway.settings import Settings, SettingsError, WorkerSettings
from gateway.workers.mistral import mistral_worker
from gateway.workers.order_by import tier
from gateway.workers.types import Cost, Need, Worker

TOKENS = st.integers(0, 10**9)
PRICES = st.integers(0, 10**12)


@given(TOKENS, TOKENS, PRICES, PRICES)
def test_each_kind_of_token_is_rounded_up_once(inputs: int, outputs: int, price: int, dear: int) -> None:
    cost = Cost(price, dear).nanousd(inputs, outputs)
    assert cost == -(-inputs * price // 10**6) + -(-outputs * dear // 10**6)


@pytest.mark.parametrize(
    ("cost", "known"),
    [
        (Cost(), (0, None, None)),
        (Cost(0, 0), (0, 0, 0)),
        (Cost(10**6, None), (0, 7, None)),
        (Cost(None, 10**6), (0, None, None)),
        (Cost(10**6, 2 * 10**6), (0, 7, 17)),
    ],
)
def test_unknown_is_not_zero(cost: Cost, known: tuple[int | None, ...]) -> None:
    assert (cost.nanousd(0, 0), cost.nanousd(7, 0), cost.nanousd(7, 5)) == known


@pytest.mark.parametrize(
    ("said", "cost"),
    [
        ({}, Cost()),
        ({"input": "0", "output": "0"}, Cost(0, 0)),
        ({"input": "0.03"}, Cost(30_000_000, None)),
        ({"input": "0.03", "output": "0.09"}, Cost(30_000_000, 90_000_000)),
    ],
)
def test_as_the_settings_say(tmp_path: Path, said: dict[str, str], cost: Cost) -> None:
    [worker] = configured(tmp_path, said)
    assert worker.cost_of("any") == cost
    assert worker.says_cost == bool(said)


@pytest.mark.parametrize("wrong", [{"inputs": "1"}, {"input": "-1"}, {"output": "cheap"}])
def test_what_the_settings_cannot_say(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="usd_per_mtok of http://a"):
        configured(tmp_path, wrong)


def configured(data_dir: Path, said: dict[str, str]) -> list[Worker]:
    worker = WorkerSettings(url="http://a", usd_per_mtok=said)
    return workers_of(Settings(data_dir=data_dir, workers=(worker,)), Catalog(shipped()))


def test_the_mistral_api_costs_list_price_where_there_is_one() -> None:
    book = shipped()
    worker = mistral_worker(book, "http://m", "k")
    [model] = [each for each in book.models if each.id == "mistral-small-2603"]
    assert worker.cost_of(model.id) == Cost(model.prices.input_max, model.prices.output_max)
    assert worker.cost_of("smollm2-135m") == Cost()
    assert worker.says_cost


def test_the_cheapest_takes_what_nobody_said_for_nothing() -> None:
    need = Need(model_id="m", account_id="a", input_tokens=10, output_tokens=5)
    for cost, rank in ((Cost(), 0), (Cost(3, None), 30), (Cost(3, 4), 50)):
        assert tier(Worker(name="w", url="http://w", cost=cost), need, "cheapest") == rank
