"""P3 against a real vLLM: its usage, its `/metrics`, our count and our receipts are the same numbers.

Measured on 2026-11-23 (vLLM 0.32.0, CPU): after a client left mid-stream, our receipt and vLLM's generation counter
were equal on an idle machine (33 and 33, 26 and 26 tokens).  On a busy one, where this tiny model writes a thousand
tokens a second, 1,161 were generated and 780 had reached us when the connection was closed: those are billed.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.metering.store import sum_drift
from tests.fixtures.running import RunningGateway, eventually
from tests.tokens.pictures import data_url, encoded
from tests.vllm.checkpoint import build
from tests.vllm.serve import MODEL, VllmServer

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]
Name = Callable[[], str]
CHAT = "/v1/chat/completions"
DEFAULT_PROMPT = 123
CHUNKS_READ = 20
"""Of the 25 lines that the client reads at least so many carry a token."""
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Get the weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
}  # fmt: skip


def image(width: int, height: int) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_url(encoded("PNG", width, height))}}


CASES: dict[str, dict[str, Any]] = {
    "text": {"messages": [{"role": "user", "content": "Hello, how are you today?"}]},
    "tools": {"messages": [{"role": "user", "content": "Weather in Paris?"}], "tools": [WEATHER]},
    "conversation": {"messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Bonjour à tous, ça va ? 你好"},
        {"role": "assistant", "content": "Fine."}, {"role": "user", "content": "And 12345 + 67890?"}]},
    "thinking": {"messages": [
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Two and two."}], "closed": True},
            {"type": "text", "text": "4"}]},
        {"role": "user", "content": "And three?"}]},
    "prefix": {"messages": [
        {"role": "user", "content": "Tell me a story."},
        {"role": "assistant", "content": "Once upon a time", "prefix": True}]},
    "its own system prompt": {"messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]},
    "no default prompt": {"messages": [{"role": "user", "content": "Hello"}], "prompt_mode": None},
    "image": {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, image(224, 224)]}]},
    "images": {"messages": [{"role": "user", "content": [{"type": "text", "text": "And these?"}, image(640, 480), image(200, 100)]}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    folder = tmp_path_factory.mktemp("vllm")
    server = VllmServer(build(folder), folder / "vllm.log")
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def gateway(vllm: VllmServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    patient = {"first_byte_timeout_s": 120.0, "chunk_gap_s_max": 60.0, "audit_share": 1.0}
    with (
        pytest.MonkeyPatch.context() as patch,
        RunningGateway(tmp_path_factory.mktemp("gateway"), vllm.url, **patient) as running,
    ):
        patch.setattr(
            "gateway.workers.probe.SILENT_S", 1e9
        )  # a probe of a slow CPU counts in its metrics too
        yield running


def usage_of(text: str, *, stream: bool) -> dict[str, Any]:
    if not stream:
        return dict(json.loads(text)["usage"])
    last = [line for line in text.split("\n\n") if '"usage"' in line][-1]
    return dict(json.loads(last.removeprefix("data: "))["usage"])


def test_it_is_known_for_what_it_is(gateway: RunningGateway) -> None:
    with gateway.api(gateway.operator()) as admin:
        (worker,) = admin.get("/admin/v1/workers").json()["data"]
    assert (worker["kind"], worker["models"]) == ("vllm", {MODEL: MODEL})


def test_usage_metrics_counts_and_receipts_are_the_same_numbers(
    gateway: RunningGateway, vllm: VllmServer, fresh: Name
) -> None:
    before = vllm.metric("vllm:prompt_tokens_total"), vllm.metric("vllm:generation_tokens_total")
    inputs = outputs = 0
    with gateway.api(gateway.account(fresh(), "5")) as api:
        for name, case in CASES.items():
            for stream in (False, True):
                body = {"model": MODEL, "max_tokens": 60, "temperature": 0, **case}
                counted = api.post("/v1/tokenize", json=body).json()
                options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
                answer = api.post(CHAT, json=body | options, timeout=120)
                usage = usage_of(answer.text, stream=stream)
                receipt = api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json()["usage"]
                images = (usage["prompt_tokens_details"].get("multimodal_tokens") or {}).get("image", 0)
                prompt = counted["prompt_tokens"] + counted["default_system_prompt_tokens"]
                assert usage["prompt_tokens"] == prompt == receipt["input_tokens"], name
                assert images == counted["image_tokens"] == receipt["input_image_tokens"], name
                assert usage["completion_tokens"] == receipt["output_tokens"], name
                reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
                assert reasoning == receipt["output_reasoning_tokens"] > 0, name
                inputs, outputs = inputs + receipt["input_tokens"], outputs + receipt["output_tokens"]
    after = vllm.metric("vllm:prompt_tokens_total"), vllm.metric("vllm:generation_tokens_total")
    assert (after[0] - before[0], after[1] - before[1]) == (inputs, outputs)


def test_a_client_that_leaves_pays_what_was_generated(
    gateway: RunningGateway, vllm: VllmServer, fresh: Name
) -> None:
    before = vllm.metric("vllm:generation_tokens_total")
    endless = {"max_tokens": 3000, "min_tokens": 3000, "ignore_eos": True, "stream": True, "temperature": 0}
    with (
        gateway.api(gateway.account(fresh(), "5")) as api,
        api.stream("POST", CHAT, json={"model": MODEL, **CASES["text"], **endless}, timeout=60) as answer,
    ):
        lines = (line for line in answer.iter_lines() if line.startswith("data"))
        for _ in range(25):
            next(lines)
    event = gateway.event(answer.headers["x-request-id"])
    eventually(lambda: vllm.metric("vllm:num_requests_running") == 0, "the worker was stopped", 2)
    time.sleep(0.5)
    generated = vllm.metric("vllm:generation_tokens_total") - before
    print(f"receipt {event.output_tokens}, vLLM {generated:g}")
    assert event.outcome == "client_gone"
    assert CHUNKS_READ <= event.output_tokens <= generated, (
        "never more than was generated, never less than was seen"
    )
    assert event.input_tokens == 10 + DEFAULT_PROMPT
    assert (event.input_source, event.output_source) == ("worker", "worker")


def test_reasoning_reaches_each_client_in_its_own_dialect(gateway: RunningGateway, fresh: Name) -> None:
    body = {"model": MODEL, "max_tokens": 60, "temperature": 0, **CASES["text"]}
    key = gateway.account(fresh())
    with (
        gateway.api(key) as openai,
        gateway.api(key, **{"user-agent": "mistral-client-python/3.7.0"}) as mistral,
    ):
        plain = openai.post(CHAT, json=body, timeout=60).json()["choices"][0]["message"]
        chunks = mistral.post(CHAT, json=body, timeout=60).json()["choices"][0]["message"]["content"]
    assert plain["reasoning"] == plain["reasoning_content"] == chunks[0]["thinking"][0]["text"]
    assert plain["content"] == chunks[1]["text"]


def test_a_link_to_a_picture_is_not_fetched(gateway: RunningGateway, fresh: Name) -> None:
    """Who names a picture by its address must not make the GPU box read its own network."""
    link = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/picture.png"}}
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        body = {"model": MODEL, "messages": [{"role": "user", "content": [link]}], "max_tokens": 5}
        answer = api.post(CHAT, json=body, timeout=60)
    assert answer.status_code == 400
    assert "domain" in answer.json()["error"]["message"]
    assert gateway.settled_up(name).settled_nanousd == 0


def test_no_drift(gateway: RunningGateway) -> None:
    eventually(lambda: bool(gateway.database.read_now(sum_drift)), "the samples are counted")
    (row,) = gateway.database.read_now(sum_drift)
    assert row.samples >= len(CASES)
    assert (row.input_drift_tokens, row.output_drift_tokens) == (0, 0)
