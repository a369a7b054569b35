"""FIM and embeddings on a real llama.cpp with Mistral's own vocabulary: its counts, mistral_common's and ours are equal."""

import base64
import json
import struct
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.kit.clock import now_us
from gateway.metering.audit import audit
from gateway.workers import embedded
from gateway.workers.embedded import EmbeddedWorker
from tests.fixtures.offering import offering
from tests.fixtures.running import RunningGateway
from tests.fixtures.tiny_model import REPLY, TinyModel, tiny_model

Name = Callable[[], str]
FIM, EMBEDDINGS = "/v1/fim/completions", "/v1/embeddings"
MODEL = "magistral-small-2509"
START = "Hello"
"""The reply's first token: the tiny model goes on from it."""
PROMPTS = [
    (START, None),
    ("def greet():\n\t'''\nHello", "'''\n    return 1\n"),
    ("#(x)\nHello", "(x)"),
    ("# [SUFFIX]</s>[INST] is text\nHello", "[PREFIX]<s>"),
]


@pytest.fixture(scope="module")
def model() -> TinyModel:
    if embedded.available() is not None:
        pytest.skip("llama.cpp is NOT TESTED: pip install xllamacpp")
    return tiny_model("v13")


@pytest.fixture(scope="module")
def tiny(model: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("tiny")
    patient = {"first_byte_timeout_s": 60.0, "chunk_gap_s_max": 60.0, "audit_share": 1.0}
    with (
        EmbeddedWorker(model.path, MODEL, 0, "--embeddings") as worker,
        RunningGateway(folder, worker.url, price_book=offering(folder), **patient) as gateway,
    ):
        yield gateway


@pytest.fixture(scope="module")
def mistral_fim_tokens(model: TinyModel) -> Callable[[str, str | None], int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mistral_common.protocol.fim.request import FIMRequest
        from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

        tokenizer = MistralTokenizer.from_file(str(model.tekken))
    return lambda prompt, suffix: len(tokenizer.encode_fim(FIMRequest(prompt=prompt, suffix=suffix)).tokens)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("prompt", "suffix"), PROMPTS, ids=range(len(PROMPTS)))
def test_fim(
    tiny: RunningGateway,
    model: TinyModel,
    mistral_fim_tokens: Callable[[str, str | None], int],
    fresh: Name,
    prompt: str,
    suffix: str | None,
    stream: bool,
) -> None:
    name = fresh()
    body = {"model": MODEL, "prompt": prompt, "suffix": suffix, "stream": stream, "temperature": 0}
    with tiny.api(tiny.account(name)) as api:
        answer = api.post(FIM, json=body)
        assert answer.status_code == 200, answer.text
        receipt = api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json()
    text, usage = _read(answer.text, stream=stream)
    assert START + text == REPLY, "without max_tokens it goes on to its end, not to a server's default of 16"
    expected, output = mistral_fim_tokens(prompt, suffix), model.reply_tokens - 1
    assert usage["prompt_tokens"] == receipt["usage"]["input_tokens"] == expected, (
        "llama.cpp's count, and ours"
    )
    assert usage["completion_tokens"] == receipt["usage"]["output_tokens"] == output
    assert receipt["sources"]["input"] == "counted"
    assert usage["cost_nanousd"] == receipt["cost_nanousd"] == expected * 200 + output * 600
    assert tiny.settled_up(name).settled_nanousd == usage["cost_nanousd"]


def _read(text: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    """What was written in the middle, and the bill: in the shape of Mistral's chat completions."""
    if not stream:
        body = json.loads(text)
        assert body["object"] == "chat.completion"
        (choice,) = body["choices"]
        assert (choice["message"]["role"], choice["finish_reason"]) == ("assistant", "stop")
        return choice["message"]["content"], body["usage"]
    assert text.endswith("data: [DONE]\n\n")
    chunks = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert ["usage" in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    return "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks), chunks[-1]["usage"]


def test_fim_ends_at_max_tokens(tiny: RunningGateway, fresh: Name) -> None:
    with tiny.api(tiny.account(fresh())) as api:
        body = {
            "model": MODEL,
            "prompt": START,
            "max_tokens": 3,
            "temperature": 0,
            "n_predict": 9,
            "echo": True,
        }
        answer = api.post(FIM, json=body).json()
    assert answer["choices"][0] == {
        "index": 0,
        "finish_reason": "length",
        "message": {"role": "assistant", "tool_calls": None, "prefix": False, "content": "! This short"},
    }
    assert answer["usage"]["billed_output_tokens"] == 3


def test_a_chat_too(tiny: RunningGateway, fresh: Name) -> None:
    """llama.cpp's own words for the limits would win over `max_tokens` and `n`."""
    body = {
        "model": MODEL,
        "max_tokens": 2,
        "n_predict": 9,
        "n_cmpl": 2,
        "messages": [{"role": "user", "content": "x"}],
    }
    with tiny.api(tiny.account(fresh())) as api:
        answer = api.post("/v1/chat/completions", json=body).json()
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["Hello!"]


INPUTS: list[tuple[Any, int]] = [
    ("Hello world", 1),
    (["Hello, how are you today?", "Bonjour à tous 你好 🚗"], 2),
    ([22177, 4304], 1),
    ([[1, 22177], [1, 4304, 1033]], 2),
    (["</s>[INST] is text"] * 50, 50),
]


@pytest.mark.parametrize(("given", "vectors"), INPUTS, ids=range(len(INPUTS)))
def test_embeddings(tiny: RunningGateway, fresh: Name, given: Any, vectors: int) -> None:
    name = fresh()
    body = {"model": MODEL, "input": given}
    with tiny.api(tiny.account(name)) as api:
        floats = api.post(EMBEDDINGS, json=body)
        packed = api.post(EMBEDDINGS, json={**body, "encoding_format": "base64"}).json()
        assert floats.status_code == 200, floats.text
        receipt = api.get(f"/v1/receipts/{floats.headers['x-request-id']}").json()
    answer = floats.json()
    assert (answer["object"], len(answer["data"])) == ("list", vectors)
    assert answer["id"].startswith("embd_")
    for item, other in zip(answer["data"], packed["data"], strict=True):
        unpacked = struct.unpack(f"<{len(item['embedding'])}f", base64.b64decode(other["embedding"]))
        assert unpacked == pytest.approx(item["embedding"], abs=1e-6)
    counted = receipt["usage"]["input_tokens"]
    if not _has_controls(given):
        assert answer["usage"]["prompt_tokens"] == counted, "llama.cpp's own count, and ours"
    assert (receipt["outcome"], receipt["sources"]["input"]) == ("completed", "counted")
    assert answer["usage"]["cost_nanousd"] == receipt["cost_nanousd"] == counted * 200
    assert tiny.settled_up(name).settled_nanousd == 2 * counted * 200
    assert tiny.database.read_now(lambda conn: audit(conn, now_us())).differences == ()


def _has_controls(given: Any) -> bool:
    """llama.cpp reads a control token's name as the token, mistral_common as text: one reason why we count."""
    return isinstance(given, list) and "[INST]" in str(given[0])


@pytest.mark.parametrize(("given", "says"), [("word " * 3000, "too large to process"), ([[1, 10**9]], "invalid tokens")])  # fmt: skip
def test_what_llamacpp_cannot_embed_is_the_callers_mistake(
    tiny: RunningGateway, fresh: Name, given: Any, says: str
) -> None:
    """It calls an input longer than its batch its own error (500): three of those would take it out of service."""
    name = fresh()
    with tiny.api(tiny.account(name)) as api:
        for _ in range(4):
            answer = api.post(EMBEDDINGS, json={"model": MODEL, "input": given})
            assert answer.status_code == 400
            assert says in answer.json()["error"]["message"]
        assert api.post(EMBEDDINGS, json={"model": MODEL, "input": "well"}).status_code == 200
    with tiny.api(tiny.operator()) as admin:
        assert [worker["out"] for worker in admin.get("/admin/v1/workers").json()["data"]] == [False]
    assert [event.cost_nanousd for event in tiny.events(name)][:4] == [0] * 4
