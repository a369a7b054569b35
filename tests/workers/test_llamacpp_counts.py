"""Against a real llama.cpp with Mistral's own vocabulary: what it counts, what we count, and what is billed are equal.

For text.  Images it counts in another way, which is why its input counts are not believed (ADR 0006).
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.metering.store import sum_drift
from gateway.workers import embedded
from gateway.workers.embedded import EmbeddedWorker
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.tiny_model import TinyModel, tiny_model

Name = Callable[[], str]
CHATS: list[list[dict[str, Any]]] = [
    [{"role": "user", "content": "Hello, how are you today?"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Bonjour à tous, ça va ? 你好 🚗"},
    ],
    [
        {"role": "user", "content": "What is 12345 + 67890?"},
        {"role": "assistant", "content": "80235. "},
        {
            "role": "user",
            "content": [{"type": "text", "text": "And\n\n\ttwice"}, {"type": "text", "text": "that?"}],
        },
    ],
    [{"role": "user", "content": "word " * 3000}],
    [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
]


@pytest.fixture(scope="module")
def model() -> TinyModel:
    if embedded.available() is not None:
        pytest.skip("llama.cpp is NOT TESTED: pip install xllamacpp")
    return tiny_model("v13")


@pytest.fixture(scope="module")
def tiny(model: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    patient = {"first_byte_timeout_s": 60.0, "chunk_gap_s_max": 60.0, "audit_share": 1.0}
    with (
        EmbeddedWorker(model.path, alias="magistral-small-2509") as worker,
        RunningGateway(tmp_path_factory.mktemp("tiny"), worker.url, **patient) as gateway,
    ):
        yield gateway


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("messages", CHATS, ids=range(len(CHATS)))
def test_prompt_and_answer(
    tiny: RunningGateway, model: TinyModel, fresh: Name, messages: list[Any], stream: bool
) -> None:
    name = fresh()
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    with tiny.api(tiny.account(name)) as api:
        counted = api.post("/v1/tokenize", json=chat("", messages=messages)).json()["prompt_tokens"]
        answer = api.post("/v1/chat/completions", json=chat("", messages=messages, temperature=0, **options))
        assert answer.status_code == 200, answer.text
        receipt = api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json()
    said = answer.text if stream else answer.json()["choices"][0]["message"]["content"]
    assert stream or said == model.reply
    assert f'"prompt_tokens":{counted}' in answer.text.replace(" ", ""), "llama.cpp's own count"
    assert receipt["usage"]["input_tokens"] == counted
    assert receipt["sources"]["input"] == "counted"
    assert receipt["usage"]["output_tokens"] == model.reply_tokens, (
        "with the end of the sequence, as llama.cpp counts"
    )
    assert tiny.settled_up(name).settled_nanousd == counted * 200 + model.reply_tokens * 600


def test_the_drift_report_agrees(tiny: RunningGateway, fresh: Name) -> None:
    with tiny.api(tiny.account(fresh())) as api:
        for messages in CHATS[:3]:
            api.post("/v1/chat/completions", json=chat("", messages=messages, temperature=0))
    rows = lambda: tiny.database.read_now(sum_drift)  # noqa: E731
    eventually(lambda: bool(rows()) and rows()[0].samples >= 3, "the samples are counted")
    assert rows()[0].kind == "llamacpp"
    assert rows()[0].input_drift_tokens == 0
    assert rows()[0].output_drift_tokens == 0, "the end of the sequence is explained"
