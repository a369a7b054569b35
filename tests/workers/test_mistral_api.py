"""The Mistral API as an upstream, played by respx from its published schema: it cannot be reached from a test."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import respx

from tests.fixtures.running import RunningGateway

Name = Callable[[], str]
API = "https://api.mistral.ai/v1/chat/completions"
BODY = {"model": "mistral-small-latest", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
USAGE = {
    "prompt_tokens": 4,
    "completion_tokens": 2,
    "total_tokens": 6,
    "prompt_tokens_details": {"cached_tokens": 0},
}
ANSWER = {"id": "a1", "object": "chat.completion", "created": 1, "model": "mistral-small-2603", "usage": USAGE,
          "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}  # fmt: skip
COST = 4 * 150 + 2 * 600


@pytest.fixture(scope="module")
def upstream() -> Iterator[respx.Router]:
    with respx.mock(assert_all_called=False, assert_all_mocked=True) as router:
        router.route(host="127.0.0.1").pass_through()
        yield router


@pytest.fixture(scope="module")
def gateway(upstream: respx.Router, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    path: Path = tmp_path_factory.mktemp("mistral")
    with RunningGateway(path, over_httpx=True, mistral_api_key="mistral-secret") as running:
        yield running


def streamed(*, cut: bool) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        for text in ("Hel", "lo"):
            delta = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
            yield (
                b"data: "
                + json.dumps({**ANSWER, "choices": [delta], "usage": None, "p": "xyz"}).encode()
                + b"\n\n"
            )
        if cut:
            raise httpx.ReadError("connection reset")
        last = {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
        yield b"data: " + json.dumps({**ANSWER, "choices": [last]}).encode() + b"\n\ndata: [DONE]\n\n"

    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=pieces())


def test_a_whole_answer(gateway: RunningGateway, upstream: respx.Router, fresh: Name) -> None:
    route = upstream.post(API).respond(json=ANSWER)
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/chat/completions", json=BODY)
        assert next(card["id"] for card in api.get("/v1/models").json()["data"]) == "mistral-small-2603"
    assert answer.json()["usage"]["cost_nanousd"] == COST
    sent = route.calls.last.request
    assert sent.headers["authorization"] == "Bearer mistral-secret"
    assert json.loads(sent.content)["model"] == "mistral-small-2603"
    assert gateway.settled_up(name).settled_nanousd == COST


@pytest.mark.parametrize("agent", ["OpenAI/Python 3.54.0", "mistral-client-python/3.7.0"])
def test_a_stream(gateway: RunningGateway, upstream: respx.Router, fresh: Name, agent: str) -> None:
    route = upstream.post(API).mock(side_effect=lambda request: streamed(cut=False))
    name = fresh()
    with gateway.api(gateway.account(name), **{"user-agent": agent}) as api:
        answer = api.post("/v1/chat/completions", json={**BODY, "stream": True})
    assert "stream_options" not in json.loads(route.calls.last.request.content)
    assert '"Hel"' in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    assert ('"cost_nanousd":1800' in answer.text) == agent.startswith("mistral"), (
        "OpenAI's clients have to ask"
    )
    assert gateway.settled_up(name).settled_nanousd == COST


def test_a_stream_that_is_cut_is_free(gateway: RunningGateway, upstream: respx.Router, fresh: Name) -> None:
    upstream.post(API).mock(side_effect=lambda request: streamed(cut=True))
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/chat/completions", json={**BODY, "stream": True})
    assert '"error":{' in answer.text
    assert gateway.settled_up(name).settled_nanousd == 0


@pytest.mark.parametrize(
    ("status", "body", "seen", "words"),
    [
        (429, {"object": "error", "message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"}, 503, "busy"),
        (401, {"detail": "Unauthorized"}, 502, "credentials"),
        (422, {"object": "error", "message": {"detail": [{"msg": "temperature too high", "loc": ["body"]}]}}, 400, "temperature too high"),
        (400, {"object": "error", "message": "Prompt too long", "type": "invalid_request_error"}, 400, "Prompt too long"),
        (500, {"message": "boom"}, 502, "failed"),
    ],
)  # fmt: skip
def test_its_refusals(
    gateway: RunningGateway,
    upstream: respx.Router,
    fresh: Name,
    status: int,
    body: object,
    seen: int,
    words: str,
) -> None:
    upstream.post(API).respond(status, json=body)
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/chat/completions", json=BODY)
    assert answer.status_code == seen
    assert words in answer.json()["error"]["message"]
    assert gateway.settled_up(name).settled_nanousd == 0


def test_an_unreachable_api(gateway: RunningGateway, upstream: respx.Router, fresh: Name) -> None:
    upstream.post(API).mock(side_effect=httpx.ConnectError("no route"))
    with gateway.api(gateway.account(fresh())) as api:
        answer = api.post("/v1/chat/completions", json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (502, "worker_unreachable")
