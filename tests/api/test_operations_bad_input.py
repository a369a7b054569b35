"""FIM and embeddings: bad input gets the right status and a clear message, no worker is asked, nothing is charged."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.offering import OfferingWorker, offering
from tests.fixtures.running import RunningGateway

Name = Callable[[], str]
MODEL = "magistral-small-2509"
FIM, EMBEDDINGS = "/v1/fim/completions", "/v1/embeddings"


@pytest.fixture(scope="module")
def worker() -> Iterator[OfferingWorker]:
    with OfferingWorker(kind="vllm") as running:
        yield running


@pytest.fixture(scope="module")
def gateway(worker: OfferingWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("operations")
    with RunningGateway(folder, worker.url, price_book=offering(folder)) as running:
        yield running


BAD: list[tuple[str, str, Any, int, str, str | None]] = [
    ("malformed JSON", FIM, b'{"model": ', 400, "invalid_json", None),
    ("no prompt", FIM, {"model": MODEL}, 400, "invalid_request", "prompt"),
    ("nothing to complete", FIM, {"model": MODEL, "prompt": ""}, 400, "invalid_request", "prompt"),
    ("a prompt of ids", FIM, {"model": MODEL, "prompt": [1, 2]}, 400, "invalid_request", "prompt"),
    ("a suffix of ids", FIM, {"model": MODEL, "prompt": "x", "suffix": [1]}, 400, "invalid_request", "suffix"),
    ("several", FIM, {"model": MODEL, "prompt": "x", "n": 2}, 400, "invalid_request", "n"),
    ("max_tokens of zero", FIM, {"model": MODEL, "prompt": "x", "max_tokens": 0}, 400, "invalid_request", "max_tokens"),
    ("huge max_tokens", FIM, {"model": MODEL, "prompt": "x", "max_tokens": 10**9}, 400, "context_length_exceeded", "max_tokens"),
    ("prompt and max_tokens", FIM, {"model": MODEL, "prompt": "word " * 100, "max_tokens": 131_000}, 400, "context_length_exceeded", "prompt"),
    ("blanks", FIM, {"model": MODEL, "prompt": " " * 900_000}, 400, "unsupported_text", "prompt"),
    ("max_cost_usd", FIM, {"model": MODEL, "prompt": "x", "max_cost_usd": "dear"}, 400, "invalid_request", "max_cost_usd"),
    ("unknown model", FIM, {"model": "m", "prompt": "x"}, 404, "model_not_found", "model"),
    ("not UTF-8", EMBEDDINGS, b'{"model": "\xff\xfe"}', 400, "invalid_json", None),
    ("no input", EMBEDDINGS, {"model": MODEL}, 400, "invalid_request", "input"),
    ("inputs, as Mistral's client calls them", EMBEDDINGS, {"model": MODEL, "inputs": "x"}, 400, "invalid_request", "input"),
    ("an empty text", EMBEDDINGS, {"model": MODEL, "input": ""}, 400, "invalid_request", "input"),
    ("no inputs", EMBEDDINGS, {"model": MODEL, "input": []}, 400, "invalid_request", "input"),
    ("one of them empty", EMBEDDINGS, {"model": MODEL, "input": ["x", ""]}, 400, "invalid_request", "input[1]"),
    ("one of the ids' lists empty", EMBEDDINGS, {"model": MODEL, "input": [[1], []]}, 400, "invalid_request", "input[1]"),
    ("mixed", EMBEDDINGS, {"model": MODEL, "input": ["x", [1]]}, 400, "invalid_request", "input"),
    ("a negative id", EMBEDDINGS, {"model": MODEL, "input": [-1]}, 400, "invalid_request", "input[0]"),
    ("a fraction", EMBEDDINGS, {"model": MODEL, "input": [1.5]}, 400, "invalid_request", "input[0]"),
    ("too many", EMBEDDINGS, {"model": MODEL, "input": ["x"] * 2049}, 400, "invalid_request", "input"),
    ("streamed", EMBEDDINGS, {"model": MODEL, "input": "x", "stream": True}, 400, "invalid_request", "stream"),
    ("an unknown encoding", EMBEDDINGS, {"model": MODEL, "input": "x", "encoding_format": "hex"}, 400, "invalid_request", "encoding_format"),
    ("no dimension", EMBEDDINGS, {"model": MODEL, "input": "x", "dimensions": 0}, 400, "invalid_request", "dimensions"),
    ("a type of the Mistral API's", EMBEDDINGS, {"model": MODEL, "input": "x", "output_dtype": "int8"}, 400, "invalid_request", "output_dtype"),
    ("an input beyond the context", EMBEDDINGS, {"model": MODEL, "input": [[7], [7] * 131_073]}, 400, "context_length_exceeded", "input"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "path", "body", "status", "code", "param"), BAD, ids=[row[0] for row in BAD]
)
def test_a_body_that_cannot_be_served(
    gateway: RunningGateway,
    worker: OfferingWorker,
    fresh: Name,
    what: str,
    path: str,
    body: Any,
    status: int,
    code: str,
    param: str | None,
) -> None:
    name, asked = fresh(), len(worker.seen)
    with gateway.api(gateway.account(name)) as api:
        answer = api.post(path, content=body) if isinstance(body, bytes) else api.post(path, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param), error
    assert len(worker.seen) == asked, "no worker was asked"
    assert gateway.events(name) == []
    assert gateway.settled_up(name).settled_nanousd == 0


def test_each_input_has_a_context_of_its_own(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post(EMBEDDINGS, json={"model": MODEL, "input": [[7] * 131_072, [7] * 100_000]})
    assert answer.status_code == 200, answer.text
    (event,) = gateway.events(name)
    assert event.outcome == "completed"


@pytest.mark.parametrize("path", [FIM, EMBEDDINGS])
def test_other_methods_and_strangers(gateway: RunningGateway, fresh: Name, path: str) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        assert (api.get(path).status_code, api.get(path).json()["code"]) == (405, "method_not_allowed")
    with gateway.api("tw_wrong") as stranger:
        assert stranger.post(path, json={}).status_code == 401


@pytest.mark.parametrize(
    ("path", "fields"), [(FIM, {"prompt": "ok", "max_tokens": 5}), (EMBEDDINGS, {"input": [[1, 2], [3]]})]
)
def test_only_a_worker_that_takes_token_ids_is_sent_some(
    worker: OfferingWorker, tmp_path: Path, fresh: Name, path: str, fields: dict[str, Any]
) -> None:
    """Ollama does not: alone it cannot be asked, and beside a vLLM it is passed by."""
    body, book = {"model": MODEL, **fields}, offering(tmp_path)
    with OfferingWorker(kind="library") as ollama:
        with RunningGateway(tmp_path / "one", ollama.url, price_book=book) as gateway:  # noqa: SIM117
            with gateway.api(gateway.account(fresh())) as api:
                refused = api.post(path, json=body)
        with RunningGateway(tmp_path / "two", ollama.url, worker.url, price_book=book) as gateway:  # noqa: SIM117
            with gateway.api(gateway.account(fresh())) as api:
                assert [api.post(path, json=body).status_code for _ in range(6)] == [200] * 6
    assert refused.status_code == 400
    assert "token ids" in refused.json()["error"]["message"]
    assert ollama.seen == []
