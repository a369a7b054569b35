"""The Mistral API as a neighbour with limits: what our key may use, when to wait, and when to leave it alone.

Played by respx from its published schema and the headers that were seen in the wild (MISTRAL.md section 7).
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from gateway.doctor import Finding, examine
from gateway.errors import WorkerFailed
from gateway.settings import Settings
from gateway.workers.discover import list_mistral_models
from gateway.workers.mistral import NO_LIMITS, Limits, read_limits
from gateway.workers.types import Worker
from tests.fixtures.running import RunningGateway, eventually
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]
HOST = "https://api.mistral.ai"
CHAT, MODELS = f"{HOST}/v1/chat/completions", f"{HOST}/v1/models"
SMALL, TINY = "mistral-small-2603", "ministral-3b-2512"
BODY = {"model": SMALL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
USAGE = {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
ANSWER = {"id": "a1", "object": "chat.completion", "created": 1, "model": SMALL, "usage": USAGE,
          "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}  # fmt: skip
CAPABILITIES = {
    "completion_chat": True,
    "function_calling": True,
    "completion_fim": False,
    "fine_tuning": False,
}
MINE = Worker(name="mistral", url=HOST, kind="mistral", api_key="secret")


def cards(*names: str) -> dict[str, Any]:
    data = [
        {"id": name, "object": "model", "created": 1, "owned_by": "mistralai", "type": "base",
         "max_context_length": 262144, "capabilities": CAPABILITIES}
        for name in names
    ]  # fmt: skip
    return {"object": "list", "data": data}


@pytest.fixture
def upstream() -> Iterator[respx.Router]:
    with respx.mock(assert_all_called=False, assert_all_mocked=True) as router:
        router.route(host="127.0.0.1").pass_through()
        router.get(MODELS).respond(json=cards(SMALL, TINY))
        yield router


@pytest.fixture
def gateway(upstream: respx.Router, tmp_path: Path) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path, over_httpx=True, mistral_api_key="secret", queue_wait_s=0.5) as running:
        yield running


def ask(gateway: RunningGateway, key: str, **fields: Any) -> httpx.Response:
    with gateway.api(key) as api:
        return api.post("/v1/chat/completions", json={**BODY, **fields})


def test_only_what_the_key_may_use_is_offered(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as api:

        def offered() -> set[str]:
            return {card["id"] for card in api.get("/v1/models").json()["data"]}

        eventually(lambda: offered() == {SMALL, TINY}, "the others have retired, or are not ours to use")


def test_its_sdk_says_what_there_is_and_that_a_key_is_refused(upstream: respx.Router) -> None:
    found = asyncio.run(list_mistral_models(MINE))
    assert [(card.id, card.context_tokens) for card in found] == [(SMALL, 262144), (TINY, 262144)]
    assert upstream.calls.last.request.headers["authorization"] == "Bearer secret"
    upstream.get(MODELS).respond(401, json={"detail": "Unauthorized"})
    with pytest.raises(WorkerFailed, match="refuses this key") as refused:
        asyncio.run(list_mistral_models(MINE))
    assert refused.value.code == "worker_denied"
    upstream.get(MODELS).mock(side_effect=httpx.ConnectError("no route"))
    with pytest.raises(WorkerFailed, match="cannot be asked"):
        asyncio.run(list_mistral_models(MINE))


def test_the_doctor_asks_whether_the_key_works(upstream: respx.Router, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, mistral_api_key="secret")
    finding = _of_mistral(settings)
    assert finding.fine
    assert finding.what == f"Mistral API: the key works; serves {TINY}, {SMALL}"
    upstream.get(MODELS).respond(401, json={"detail": "Unauthorized"})
    finding = _of_mistral(settings)
    assert not finding.fine
    assert "check mistral_api_key" in finding.what


def _of_mistral(settings: Settings) -> Finding:
    (found,) = [
        each for each in examine(lambda: settings) if "istral" in each.what and "stripe" not in each.what
    ]
    return found


def test_limits_in_its_headers() -> None:
    minute = {"x-ratelimit-limit-req-minute": "60", "x-ratelimit-remaining-req-minute": "12"}
    assert read_limits(minute, 100.0) == NO_LIMITS
    assert read_limits({}, 100.0) == NO_LIMITS
    assert read_limits(minute | {"x-ratelimit-remaining-req-minute": "0"}, 100.0) == Limits(pause_s=20.0)
    tokens = {"x-ratelimit-limit-tokens-minute": "500000", "x-ratelimit-remaining-tokens-minute": "0"}
    assert read_limits(minute | tokens, 119.0) == Limits(pause_s=1.0)
    assert read_limits({"x-ratelimit-limit-tokens-minute": "0"}, 0.0) == Limits(not_in_plan=True)
    assert read_limits({"x-ratelimit-remaining-req-minute": "soon"}, 0.0) == NO_LIMITS


def test_when_nothing_remains_it_is_not_asked_until_the_next_minute(
    gateway: RunningGateway, upstream: respx.Router, fresh: Name
) -> None:
    route = upstream.post(CHAT).respond(json=ANSWER, headers={"x-ratelimit-remaining-req-minute": "0"})
    key = gateway.account(fresh())
    while time.time() % 60 > 57:
        time.sleep(0.2)
    assert ask(gateway, key).status_code == 200
    refused = ask(gateway, key)
    assert (refused.status_code, refused.json()["code"]) == (503, "worker_busy")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert route.call_count == 1, "its limit was heeded"


def test_a_429_is_heeded_for_its_model_alone(
    gateway: RunningGateway, upstream: respx.Router, fresh: Name
) -> None:
    limited = {"object": "error", "message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"}

    def answer(request: httpx.Request) -> httpx.Response:
        if json.loads(request.content)["model"] == SMALL:
            return httpx.Response(429, json=limited, headers={"retry-after": "30"})
        return httpx.Response(200, json=ANSWER)

    route = upstream.post(CHAT).mock(side_effect=answer)
    key = gateway.account(fresh())
    refused = ask(gateway, key)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    assert ask(gateway, key).headers["retry-after"] in {"29", "30"}
    assert route.call_count == 1, "it is not asked again"
    assert ask(gateway, key, model=TINY).status_code == 200


def test_a_model_that_our_plan_lacks_is_withdrawn(
    gateway: RunningGateway, upstream: respx.Router, fresh: Name
) -> None:
    headers = {"x-ratelimit-limit-req-minute": "0", "x-ratelimit-remaining-req-minute": "0"}
    route = upstream.post(CHAT).respond(429, json={"message": "Rate limit exceeded"}, headers=headers)
    key = gateway.account(fresh())
    assert ask(gateway, key).json()["code"] == "model_not_in_plan"
    assert ask(gateway, key).json()["code"] == "no_worker"
    assert route.call_count == 1, "a 429 for ever is not asked twice"


def test_a_slow_first_byte_and_a_slow_body(
    gateway: RunningGateway, upstream: respx.Router, fresh: Name
) -> None:
    async def slowly(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(5)
        return httpx.Response(200, json=ANSWER)

    async def drops() -> AsyncIterator[bytes]:
        yield b'data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
        await asyncio.sleep(5)

    name = fresh()
    key = gateway.account(name)
    upstream.post(CHAT).mock(side_effect=slowly)
    assert ask(gateway, key).status_code == 504
    stream = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=drops())
    upstream.post(CHAT).mock(side_effect=lambda _: stream)
    assert '"code":"worker_timed_out"' in ask(gateway, key, stream=True).text
    assert gateway.settled_up(name).settled_nanousd == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"choices"', b'{"choices": 5}', b'{"choices": [], "usage": null}', b"\xff"]
)
@pytest.mark.parametrize("stream", [False, True])
def test_wrong_json(
    gateway: RunningGateway, upstream: respx.Router, fresh: Name, body: bytes, stream: bool
) -> None:
    kind = "text/event-stream" if stream else "application/json"
    content = b"data: " + body + b"\n\n" if stream else body
    upstream.post(CHAT).respond(200, headers={"content-type": kind}, content=content)
    name = fresh()
    answer = ask(gateway, gateway.account(name), stream=stream)
    assert answer.status_code == 502 or '"code":"worker_failed"' in answer.text
    assert gateway.settled_up(name).settled_nanousd == 0


def test_local_workers_come_first_and_the_api_takes_what_they_cannot(
    upstream: respx.Router, tmp_path: Path, fresh: Name
) -> None:
    route = upstream.post(CHAT).respond(json=ANSWER)
    with (
        ScriptedWorker(models=(SMALL,), kind="vllm") as local,
        RunningGateway(tmp_path, local.url, over_httpx=True, mistral_api_key="secret") as gateway,
    ):
        key = gateway.account(fresh())
        for _ in range(5):
            assert ask(gateway, key).status_code == 200
        assert (len(local.seen), route.call_count) == (5, 0)
        broken = {"messages": [{"role": "user", "content": "bad_status status=500"}]}
        for _ in range(4):
            assert ask(gateway, key, **broken).status_code == 200
        assert route.call_count == 4
        assert len(local.seen) == 8, "after three failures it is out, and is not asked first any more"
