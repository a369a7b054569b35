"""P3: who counts what.  A bill does not depend on which worker happened to serve."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.tokens.images import image_tokens
from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker
from tests.tokens.pictures import data_url, png

Name = Callable[[], str]
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RunningGateway]]:
    """The same model on a kind that is believed and on one that is not."""
    with (
        ScriptedWorker(kind="vllm") as vllm,
        ScriptedWorker(models=("magistral-small-2509", "smollm2-135m"), kind="library") as ollama,
        RunningGateway(tmp_path_factory.mktemp("vllm"), vllm.url) as believed,
        RunningGateway(tmp_path_factory.mktemp("plain"), ollama.url) as counted,
    ):
        yield {"vllm": believed, "ollama": counted}


def receipt(gateway: RunningGateway, name: str, body: dict[str, Any]) -> dict[str, Any]:
    with gateway.api(gateway.account(name)) as api:
        answer = api.post(CHAT, json=body)
        assert answer.status_code == 200, answer.text
        return dict(api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json())


@pytest.mark.parametrize("stream", [False, True])
def test_a_worker_that_is_not_believed_is_counted(
    both: dict[str, RunningGateway], fresh: Name, stream: bool
) -> None:
    """It says 999 tokens of prompt; Mistral's tokenizer says otherwise, and so does the bill."""
    body = chat("ok prompt=999", stream=stream)
    found = receipt(both["ollama"], fresh(), body)
    assert found["sources"]["input"] == "counted"
    assert found["usage"]["input_tokens"] == 9
    assert found["sources"]["output"] == "worker"


def test_the_answer_shows_what_was_billed_beside_what_the_worker_said(
    both: dict[str, RunningGateway], fresh: Name
) -> None:
    with both["ollama"].api(both["ollama"].account(fresh())) as api:
        usage = api.post(CHAT, json=chat("ok prompt=999")).json()["usage"]
    assert (usage["prompt_tokens"], usage["billed_input_tokens"]) == (999, 9)
    assert usage["cost_nanousd"] == usage["billed_input_tokens"] * 200 + usage["billed_output_tokens"] * 600


def test_an_unidentified_worker_is_believed_unless_the_model_says_otherwise(
    tmp_path: Any, fresh: Name
) -> None:
    from gateway.catalog.read_toml import shipped

    (magistral,) = (model for model in shipped().models if model.id == "magistral-small-2509")
    assert magistral.believed_kinds == ("vllm", "mistral", "openai")
    with ScriptedWorker(kind="plain") as worker, RunningGateway(tmp_path, worker.url) as gateway:
        found = receipt(gateway, fresh(), chat("ok prompt=12"))
    assert (found["usage"]["input_tokens"], found["sources"]["input"]) == (12, "worker")


@pytest.mark.parametrize("stream", [False, True])
def test_without_usage_everything_is_counted(
    both: dict[str, RunningGateway], fresh: Name, stream: bool
) -> None:
    found = receipt(both["ollama"], fresh(), chat("ok tokens=4 usage=no", stream=stream))
    assert found["sources"] == {
        "input": "counted",
        "image": "counted",
        "output": "counted",
        "reasoning": "counted",
    }
    assert found["estimated"] is False
    assert found["usage"]["output_tokens"] == 5, "'tok tok tok tok ' in Mistral's vocabulary"


def test_a_model_that_nobody_here_can_count_is_estimated(
    both: dict[str, RunningGateway], fresh: Name
) -> None:
    found = receipt(both["ollama"], fresh(), chat("ok tokens=4 usage=no", model="smollm2-135m", stream=True))
    assert found["estimated"] is True
    assert found["usage"]["output_tokens"] == 4
    assert found["usage"]["input_tokens"] == 0


@pytest.mark.parametrize("kind", ["vllm", "ollama"])
def test_image_tokens_are_split_from_text(both: dict[str, RunningGateway], fresh: Name, kind: str) -> None:
    tokens = image_tokens(640, 480)
    parts = [
        {"type": "text", "text": f"ok prompt={tokens + 20}"},
        {"type": "image_url", "image_url": {"url": data_url(png(640, 480))}},
    ]
    found = receipt(both[kind], fresh(), chat("", messages=[{"role": "user", "content": parts}]))
    assert found["usage"]["input_image_tokens"] == tokens == 432
    assert {line["token_class"] for line in found["lines"]} == {"input_text", "input_image", "output_text"}
    assert found["sources"]["image"] == "counted"


def test_a_prompt_that_does_not_fit_is_refused_with_the_numbers(
    both: dict[str, RunningGateway], fresh: Name
) -> None:
    name = fresh()
    gateway = both["vllm"]
    with gateway.api(gateway.account(name)) as api:
        fits = chat("ok prompt=1 " + "word " * 1000, max_tokens=130_000)
        assert api.post(CHAT, json=fits).status_code == 200, (
            "its bound exceeds the context, its count does not"
        )
        answer = api.post(CHAT, json=chat("word " * 1200, max_tokens=130_000))
        assert (answer.status_code, answer.json()["code"]) == (400, "context_length_exceeded")
        assert "1204" in answer.json()["message"]
        assert "131072" in answer.json()["message"]
        assert (answer.json()["tokens"], answer.json()["limit"]) == (131_204, 131_072)
        whole = api.post(
            CHAT,
            json={
                "model": "magistral-small-2509",
                "messages": [{"role": "user", "content": "word " * 131_072}],
            },
        )
        assert whole.json()["code"] == "context_length_exceeded"
    gateway.settled_up(name)


def test_near_zero_the_exact_count_decides(both: dict[str, RunningGateway], fresh: Name) -> None:
    """The bound of 4,000 bytes is not affordable; the 810 tokens that they are, are."""
    name = fresh()
    gateway = both["vllm"]
    text = "ok tokens=1 prompt=806 " + "word " * 800
    with gateway.api(gateway.account(name, "0.0002")) as api:
        answer = api.post(CHAT, json=chat(text, max_tokens=200))
    assert answer.status_code == 200
    assert int(answer.headers["x-tollway-max-tokens"]) < 70
    gateway.settled_up(name)


def test_reasoning_is_counted_where_the_worker_does_not_say(tmp_path: Any, fresh: Name) -> None:
    with ScriptedWorker(kind="llamacpp") as worker, RunningGateway(tmp_path, worker.url) as gateway:
        found = receipt(gateway, fresh(), chat("ok tokens=20 think=yes", stream=True))
        assert found["sources"]["reasoning"] == "counted"
        assert found["usage"]["output_reasoning_tokens"] == 2, "'hm hm'"
        assert found["usage"]["output_tokens"] == 20, "the worker's, which has the final say on output"
