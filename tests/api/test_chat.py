"""`POST /v1/chat/completions` through a real socket, to a worker that does as it is told."""

import json
from collections.abc import Callable

import pytest

from gateway.kit.money import format_usd
from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]
PRICE_IN, PRICE_OUT = 200, 600  # nano-dollars a token


def events(text: str) -> list[dict[str, object] | str]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_an_answer_carries_its_bill(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/chat/completions", json=chat("ok tokens=7 prompt=12"))
        assert answer.status_code == 200
        usage = answer.json()["usage"]
        cost = 12 * PRICE_IN + 7 * PRICE_OUT
        assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (12, 7, 19)
        assert (usage["cost_nanousd"], usage["cost_usd"]) == (cost, format_usd(cost))
        assert usage["credits_remaining_usd"] == format_usd(10**9 - cost)
        receipt = api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json()
        assert receipt["cost_nanousd"] == cost == sum(line["cost_nanousd"] for line in receipt["lines"])
        assert [(line["token_class"], line["tokens"]) for line in receipt["lines"]] == [
            ("input_text", 12),
            ("output_text", 7),
        ]
        assert api.get("/v1/credits").json()["settled_nanousd"] == cost
    assert gateway.settled_up(name).settled_nanousd == cost


@pytest.mark.parametrize("asked", [True, False])
def test_a_stream_ends_with_its_bill_if_the_client_asked(
    gateway: RunningGateway, fresh: Name, asked: bool
) -> None:
    name = fresh()
    options = {"stream_options": {"include_usage": True}} if asked else {}
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/chat/completions", json=chat("ok tokens=3 prompt=9", stream=True, **options))
    assert answer.headers["content-type"].startswith("text/event-stream")
    *chunks, done = events(answer.text)
    assert done == "[DONE]"
    with_usage = [chunk for chunk in chunks if isinstance(chunk, dict) and chunk.get("usage")]
    assert len(with_usage) == asked
    if asked:
        assert with_usage[-1] is chunks[-1]
        assert chunks[-1]["choices"] == []
        assert chunks[-1]["usage"]["cost_nanousd"] == 9 * PRICE_IN + 3 * PRICE_OUT
    assert gateway.settled_up(name).settled_nanousd == 9 * PRICE_IN + 3 * PRICE_OUT


def test_the_worker_gets_the_clients_own_bytes_but_for_what_must_differ(
    gateway: RunningGateway, worker: ScriptedWorker, fresh: Name
) -> None:
    extra = {"temperature": 0.25, "custom_field": {"deep": [1, None, "é"]}, "max_completion_tokens": 7}
    with gateway.api(gateway.account(fresh())) as api:
        api.post(
            "/v1/chat/completions", json=chat("ok", model="magistral-small-latest", stream=True, **extra)
        )
    body = worker.seen[-1].body
    assert body["custom_field"] == extra["custom_field"]
    assert body["temperature"] == 0.25
    assert body["model"] == "magistral-small-2509"
    assert body["max_tokens"] == 7
    assert "max_completion_tokens" not in body
    assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}


def test_cached_tokens_are_part_of_the_input(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        answer = api.post("/v1/chat/completions", json=chat("ok prompt=40 cached=30"))
        receipt = api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json()
    assert receipt["usage"]["input_cached_tokens"] == 30
    assert {line["token_class"]: line["tokens"] for line in receipt["lines"]} == {
        "input_text": 10, "input_cached": 30, "output_text": 5,
    }  # fmt: skip


def test_an_empty_answer_is_free(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/chat/completions", json=chat("ok tokens=0"))
    assert answer.json()["usage"]["cost_nanousd"] == 0
    assert gateway.event(answer.headers["x-request-id"]).outcome == "empty"
    assert gateway.settled_up(name).settled_nanousd == 0


def test_nobody_pays_for_more_than_was_held(gateway: RunningGateway, fresh: Name) -> None:
    """A worker that ignores max_tokens, or invents a prompt, does not break P1."""
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/chat/completions", json=chat("ok tokens=9000 prompt=10", max_tokens=10))
        invented = api.post("/v1/chat/completions", json=chat("ok tokens=1 prompt=900000"))
    event = gateway.event(answer.headers["x-request-id"])
    assert event.output_tokens == 10
    assert event.cost_nanousd <= event.held_nanousd
    assert gateway.event(invented.headers["x-request-id"]).input_tokens < 1000
    gateway.settled_up(name)


def test_max_tokens_is_clamped_to_what_the_balance_affords(
    gateway: RunningGateway, worker: ScriptedWorker, fresh: Name
) -> None:
    name = fresh()
    with gateway.api(gateway.account(name, "0.0001")) as api:  # 100,000 nano-dollars
        answer = api.post("/v1/chat/completions", json=chat("ok tokens=2", max_tokens=10_000))
    assert answer.status_code == 200
    clamped = int(answer.headers["x-tollway-max-tokens"])
    assert worker.seen[-1].body["max_tokens"] == clamped < 170
    gateway.settled_up(name)


def test_an_image_part_passes_through_and_is_bounded(
    gateway: RunningGateway, worker: ScriptedWorker, fresh: Name
) -> None:
    parts = [
        {"type": "text", "text": "ok prompt=2000"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    with gateway.api(gateway.account(fresh())) as api:
        answer = api.post(
            "/v1/chat/completions", json=chat("", messages=[{"role": "user", "content": parts}])
        )
    assert answer.status_code == 200
    assert worker.seen[-1].body["messages"][0]["content"] == parts
    event = gateway.event(answer.headers["x-request-id"])
    assert event.held_nanousd > 3080 * PRICE_IN
    assert event.input_tokens == 2000
