"""`/v1/tokenize` and `/v1/estimate`: counted and priced, nothing run."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.workers.embedded import EmbeddedWorker
from tests.fixtures.offering import offering
from tests.fixtures.real import require_embedded
from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]
VECTORS = json.loads((Path(__file__).parents[1] / "tokens" / "vectors.json").read_text("utf-8"))["cases"]


def test_every_vector_over_http(gateway: RunningGateway, worker: ScriptedWorker, fresh: Name) -> None:
    asked = len(worker.seen)
    with gateway.api(gateway.account(fresh())) as api:
        for case in VECTORS:
            body = {
                "model": "magistral-small-latest",
                **{key: case[key] for key in ("messages", "tools") if case.get(key)},
            }
            answer = api.post("/v1/tokenize", json=body)
            assert answer.status_code == 200, (case["name"], answer.text)
            found = answer.json()
            assert (found["prompt_tokens"], found["image_tokens"]) == (
                case["prompt_tokens"],
                case["image_tokens"],
            ), case["name"]
            assert found["text_tokens"] + found["image_tokens"] == found["prompt_tokens"]
            assert found["model"] == "magistral-small-2509"
    assert len(worker.seen) == asked, "nothing was run"


def test_ids_on_request(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        found = api.post("/v1/tokenize", json=chat("Hello, world", return_tokens=True)).json()
    assert len(found["tokens"]) == found["prompt_tokens"]
    assert (found["tokens"][0], found["tokens"][1], found["tokens"][-1]) == (1, 3, 4)


def test_an_estimate(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with gateway.api(gateway.account(name, "0.01")) as api:
        first = api.post("/v1/estimate", json=chat("ok tokens=30 prompt=9", max_tokens=100)).json()
        assert first["cost_max_nanousd"] == first["prompt_tokens"] * 200 + 100 * 600
        assert first["cost_likely_usd"] is None, "no history, no guess"
        assert first["tiers"]["output_text"] == {
            "tokens_this_month": 0,
            "discount_percent": 0,
            "up_to_tokens": 100_000_000,
        }
        assert (first["affordable"], first["affordable_max_tokens"]) == (True, 100)
        api.post("/v1/chat/completions", json=chat("ok tokens=30 prompt=9"))
        then = api.post("/v1/estimate", json=chat("ok tokens=30 prompt=9", max_tokens=100)).json()
        assert then["likely_completion_tokens"] == 30
        assert then["cost_likely_nanousd"] == then["prompt_tokens"] * 200 + 30 * 600
        assert then["tiers"]["output_text"]["tokens_this_month"] == 30
        free = api.post(
            "/v1/estimate", json={key: value for key, value in chat("x").items() if key != "max_tokens"}
        ).json()
        assert free["max_tokens"] == 131_072 - free["prompt_tokens"]
        assert free["affordable_max_tokens"] < free["max_tokens"]
    assert gateway.settled_up(name).held_nanousd == 0
    with gateway.api(gateway.account(fresh(), "0")) as broke:
        nothing = broke.post("/v1/estimate", json=chat("x")).json()
        assert (nothing["affordable"], nothing["affordable_max_tokens"]) == (False, 0)


HOSTILE: list[tuple[str, Any]] = [
    ("a million blanks", " " * 1_000_000),
    ("a million tabs among text", "x" + "\t" * 1_000_000 + "x"),
    ("a very long strip", [{"type": "image_url", "image_url": {"url": "STRIP"}}]),
    ("a cut header", [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]),
    (
        "rubbish of five megabytes",
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5_000_000}}],
    ),
    ("no base64", [{"type": "image_url", "image_url": "data:image/png;base64,@@@@"}]),
    ("a local file", [{"type": "image_url", "image_url": "file:///etc/passwd"}]),
]


@pytest.mark.parametrize("path", ["/v1/tokenize", "/v1/estimate", "/v1/chat/completions"])
@pytest.mark.parametrize(("what", "content"), HOSTILE, ids=[row[0] for row in HOSTILE])
@pytest.mark.timeout(20)
def test_hostile_prompts(gateway: RunningGateway, fresh: Name, path: str, what: str, content: Any) -> None:
    from tests.tokens.pictures import data_url, png

    text = json.dumps(chat("", messages=[{"role": "user", "content": content}]))
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post(path, content=text.replace("STRIP", data_url(png(1, 100_000))))
    assert answer.status_code == 400, answer.text[:300]
    assert len(answer.json()["error"]["message"]) > 10
    assert answer.json()["error"]["param"].startswith("messages[0]")
    assert gateway.settled_up(name).settled_nanousd == 0


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    require_embedded()
    with (
        EmbeddedWorker() as real,
        RunningGateway(tmp_path_factory.mktemp("small"), real.url, first_byte_timeout_s=30.0) as running,
    ):
        yield running


def test_the_worker_is_asked_where_only_it_knows(small: RunningGateway, fresh: Name) -> None:
    body = {"model": "smollm2-135m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
    with small.api(small.account(fresh())) as api:
        found = api.post("/v1/tokenize", json=body).json()
        used = api.post("/v1/chat/completions", json=body).json()["usage"]
        assert (found["prompt_tokens"], found["source"]) == (used["prompt_tokens"], "worker")
        assert api.post("/v1/tokenize", json={**body, "return_tokens": True}).status_code == 400


def test_a_model_that_can_only_be_bounded_says_so(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        answer = api.post("/v1/tokenize", json=chat("Hello", model="ministral-3b-2512"))
    assert (answer.status_code, answer.json()["code"]) == (400, "no_tokenizer")
    assert "at most" in answer.json()["message"]


@pytest.fixture(scope="module")
def offers(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("offers")
    with RunningGateway(folder, worker.url, price_book=offering(folder)) as running:
        yield running


PREVIEWED: list[tuple[dict[str, Any], list[int]]] = [
    ({"input": ["Hello", "Hello"]}, [1, 22177, 1, 22177]),
    ({"input": [5, 6, 7]}, [5, 6, 7]),
    ({"prompt": "Hello", "suffix": "Hello"}, [1, 16, 22177, 14, 22177]),
]


@pytest.mark.parametrize(("asked", "ids"), PREVIEWED)
def test_fim_and_embeddings_are_counted_and_priced(
    offers: RunningGateway, fresh: Name, asked: dict[str, Any], ids: list[int]
) -> None:
    body = {"model": "magistral-small-2509", **asked}
    with offers.api(offers.account(fresh())) as api:
        counted = api.post("/v1/tokenize", json={**body, "return_tokens": True}).json()
        priced = api.post("/v1/estimate", json=body).json()
        assert (counted["prompt_tokens"], counted["tokens"]) == (len(ids), ids)
        if "input" in asked:
            assert (priced["max_tokens"], priced["cost_max_nanousd"]) == (0, len(ids) * 200)
            assert priced["cost_likely_nanousd"] == len(ids) * 200
        else:
            room = 131_072 - len(ids)
            assert (priced["max_tokens"], priced["cost_max_nanousd"]) == (room, len(ids) * 200 + room * 600)
        assert priced["affordable"] is True
    with offers.api(offers.account(fresh(), "0")) as poor:
        assert poor.post("/v1/estimate", json=body).json()["affordable"] is False


def test_what_a_model_does_not_offer_is_not_counted(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        for asked in ({"input": "x"}, {"prompt": "x"}):
            answer = api.post("/v1/tokenize", json={"model": "magistral-small-2509", **asked})
            assert (answer.status_code, answer.json()["code"]) == (400, "operation_not_offered")
        answer = api.post("/v1/tokenize", json={"model": "mistral-embed", "input": "x"})
        assert (answer.status_code, answer.json()["code"]) == (400, "no_tokenizer")
