"""FIM and embeddings of the Mistral API, played by respx from its published schema."""

import base64
import json
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from gateway.kit.clock import now_us
from gateway.metering.audit import audit
from tests.fixtures.running import RunningGateway

Name = Callable[[], str]
FIM_API = "https://api.mistral.ai/v1/fim/completions"
EMBEDDINGS_API = "https://api.mistral.ai/v1/embeddings"
FIM = {"model": "codestral-latest", "prompt": "def f(", "suffix": "    return x\n", "max_tokens": 5}
EMBED = {"model": "mistral-embed", "input": ["Hello", "world"]}
ANSWER = {"id": "a1", "object": "chat.completion", "created": 1, "model": "codestral-2508",
          "choices": [{"index": 0, "message": {"role": "assistant", "content": "x):"}, "finish_reason": "stop"}],
          "usage": {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10}}  # fmt: skip
FIM_COST = 8 * 300 + 2 * 900
VECTORS = {"id": "e1", "object": "list", "model": "mistral-embed-2312",
           "data": [{"object": "embedding", "index": i, "embedding": [0.5, -0.25]} for i in range(2)],
           "usage": {"prompt_tokens": 6, "completion_tokens": 0, "total_tokens": 6}}  # fmt: skip
EMBED_COST = 6 * 100


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


def sent(route: respx.Route) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(route.calls.last.request.content)
    return body


def test_fim(gateway: RunningGateway, upstream: respx.Router, fresh: Name) -> None:
    route = upstream.post(FIM_API).respond(json=ANSWER)
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/fim/completions", json={**FIM, "random_seed": 3, "max_cost_usd": "0.01"})
        receipt = api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json()
    assert sent(route) == {**FIM, "model": "codestral-2508", "random_seed": 3}, "the client's own body"
    body = answer.json()
    assert body["choices"] == ANSWER["choices"]
    assert (body["usage"]["total_tokens"], body["usage"]["cost_nanousd"]) == (10, FIM_COST)
    assert (receipt["outcome"], receipt["sources"]["input"]) == ("completed", "worker")
    assert gateway.settled_up(name).settled_nanousd == FIM_COST


def streamed(*, cut: bool) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        for text in ("x", "):"):
            delta = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
            chunk = {**ANSWER, "object": "chat.completion.chunk", "choices": [delta]}
            yield b"data: " + json.dumps({name: chunk[name] for name in chunk if name != "usage"}).encode()
            yield b"\n\n"
        if cut:
            raise httpx.ReadError("connection reset")
        last = {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
        yield b"data: " + json.dumps({**ANSWER, "choices": [last]}).encode() + b"\n\ndata: [DONE]\n\n"

    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=pieces())


@pytest.mark.parametrize("agent", ["OpenAI/Python 3.54.0", "mistral-client-python/3.7.0"])
def test_fim_streamed(gateway: RunningGateway, upstream: respx.Router, fresh: Name, agent: str) -> None:
    upstream.post(FIM_API).mock(side_effect=lambda request: streamed(cut=False))
    name = fresh()
    with gateway.api(gateway.account(name), **{"user-agent": agent}) as api:
        answer = api.post("/v1/fim/completions", json={**FIM, "stream": True})
    chunks = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "x):"
    assert ["usage" in chunk for chunk in chunks] == [False, False, True]
    assert chunks[-1]["usage"]["cost_nanousd"] == FIM_COST
    assert answer.text.endswith("data: [DONE]\n\n")
    assert gateway.settled_up(name).settled_nanousd == FIM_COST


def test_fim_that_is_cut_is_free(gateway: RunningGateway, upstream: respx.Router, fresh: Name) -> None:
    upstream.post(FIM_API).mock(side_effect=lambda request: streamed(cut=True))
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/fim/completions", json={**FIM, "stream": True})
    assert '"error":{' in answer.text
    assert gateway.settled_up(name).settled_nanousd == 0


def test_embeddings(gateway: RunningGateway, upstream: respx.Router, fresh: Name) -> None:
    route = upstream.post(EMBEDDINGS_API).respond(json=VECTORS)
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/embeddings", json={**EMBED, "dimensions": 2, "encoding_format": "float"})
        receipt = api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json()
    assert sent(route) == {
        **EMBED,
        "model": "mistral-embed-2312",
        "output_dimension": 2,
        "encoding_format": "float",
    }
    body = answer.json()
    assert {field: body[field] for field in ("id", "object", "model", "data")} == {
        field: VECTORS[field] for field in ("id", "object", "model", "data")
    }
    assert (body["usage"]["prompt_tokens"], body["usage"]["cost_nanousd"]) == (6, EMBED_COST)
    assert "x-tollway-max-tokens" not in answer.headers
    assert (receipt["outcome"], receipt["usage"]["output_tokens"]) == ("completed", 0)
    assert [line["token_class"] for line in receipt["lines"]] == ["input_text"]
    assert gateway.settled_up(name).settled_nanousd == EMBED_COST
    assert gateway.database.read_now(lambda conn: audit(conn, now_us())).differences == ()


def test_base64_is_passed_on_and_made_where_the_upstream_sends_floats(
    gateway: RunningGateway, upstream: respx.Router, fresh: Name
) -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, -0.25)).decode()
    knows = {**VECTORS, "data": [{**item, "embedding": packed} for item in VECTORS["data"]]}  # type: ignore[attr-defined]
    with gateway.api(gateway.account(fresh())) as api:
        for upstreams_answer in (knows, VECTORS):
            route = upstream.post(EMBEDDINGS_API).respond(json=upstreams_answer)
            answer = api.post("/v1/embeddings", json={**EMBED, "encoding_format": "base64"}).json()
            assert sent(route)["encoding_format"] == "base64"
            assert [item["embedding"] for item in answer["data"]] == [packed, packed]
            assert [item["index"] for item in answer["data"]] == [0, 1]


def test_other_types_than_floats_are_left_as_they_came(
    gateway: RunningGateway, upstream: respx.Router, fresh: Name
) -> None:
    integers = {**VECTORS, "data": [{**item, "embedding": [1, -2]} for item in VECTORS["data"]]}  # type: ignore[attr-defined]
    route = upstream.post(EMBEDDINGS_API).respond(json=integers)
    with gateway.api(gateway.account(fresh())) as api:
        asked = {**EMBED, "encoding_format": "base64", "output_dtype": "int8"}
        answer = api.post("/v1/embeddings", json=asked).json()
    assert sent(route)["output_dtype"] == "int8"
    assert answer["data"] == integers["data"]


def test_an_upstream_cannot_bill_more_than_was_held(
    gateway: RunningGateway, upstream: respx.Router, fresh: Name
) -> None:
    """Neither more input than the inputs have bytes, nor an answer of tokens, which vectors are not."""
    usage = {"prompt_tokens": 10**6, "completion_tokens": 10**6, "total_tokens": 2 * 10**6}
    upstream.post(EMBEDDINGS_API).respond(json={**VECTORS, "usage": usage})
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/embeddings", json=EMBED)
    event = gateway.event(answer.headers["x-request-id"])
    assert (event.input_tokens, event.output_tokens) == (5 + 4 + 5 + 4, 0)
    assert gateway.settled_up(name).settled_nanousd == event.cost_nanousd == event.held_nanousd == 1800


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("too few", {**VECTORS, "data": VECTORS["data"][:1]}),  # type: ignore[index]
        ("none", {"object": "list", "data": None}),
        ("an item that is none", {**VECTORS, "data": [{"object": "embedding"}] * 2}),
        ("a number that is no float32", {**VECTORS, "data": [{"embedding": [1e300]}] * 2}),
        ("something else", {"choices": []}),
    ],
)
def test_an_answer_that_is_no_embeddings_is_free(
    gateway: RunningGateway, upstream: respx.Router, fresh: Name, what: str, body: dict[str, Any]
) -> None:
    upstream.post(EMBEDDINGS_API).respond(json=body)
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post("/v1/embeddings", json={**EMBED, "encoding_format": "base64"})
    assert (answer.status_code, answer.json()["code"]) == (502, "worker_failed")
    assert gateway.settled_up(name).settled_nanousd == 0
    assert [event.outcome for event in gateway.events(name)] == ["worker_failed"]


@pytest.mark.parametrize(("path", "body", "api_url"), [("/v1/fim/completions", FIM, FIM_API), ("/v1/embeddings", EMBED, EMBEDDINGS_API)])  # fmt: skip
@pytest.mark.parametrize(
    ("status", "words", "seen", "says"),
    [
        (429, {"object": "error", "message": "Rate limit exceeded", "type": "rate_limited"}, 503, "busy"),
        (401, {"detail": "Unauthorized"}, 502, "credentials"),
        (422, {"message": {"detail": [{"msg": "Extra inputs are not permitted"}]}}, 400, "Extra inputs"),
        (400, {"object": "error", "message": "Too many tokens in batch"}, 400, "Too many tokens"),
        (500, {"message": "boom"}, 502, "failed"),
    ],
)
def test_its_refusals(
    gateway: RunningGateway,
    upstream: respx.Router,
    fresh: Name,
    path: str,
    body: dict[str, Any],
    api_url: str,
    status: int,
    words: object,
    seen: int,
    says: str,
) -> None:
    upstream.post(api_url).respond(status, json=words)
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post(path, json=body)
    assert answer.status_code == seen
    assert says in answer.json()["error"]["message"]
    assert gateway.settled_up(name).settled_nanousd == 0


def test_the_cards_say_what_each_model_offers(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        cards = {card["id"]: card["capabilities"] for card in api.get("/v1/models").json()["data"]}
    offers = {
        name: tuple(card[what] for what in ("completion_chat", "completion_fim", "embeddings"))
        for name, card in cards.items()
    }
    assert offers["codestral-2508"] == (True, True, False)
    assert offers["mistral-embed-2312"] == offers["codestral-embed-2505"] == (False, False, True)
    assert offers["ministral-3b-2512"] == (True, False, False)


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/v1/fim/completions", {**FIM, "model": "ministral-3b-latest"}, "it offers chat (/v1/chat/completions)"),
        ("/v1/embeddings", {**EMBED, "model": "codestral-latest"}, "it offers chat (/v1/chat/completions) and fim (/v1/fim/completions)"),
        ("/v1/chat/completions", {"model": "mistral-embed", "messages": [{"role": "user", "content": "x"}]}, "it offers embeddings (/v1/embeddings)"),
        ("/v1/embeddings", {**EMBED, "input": [[1, 2]]}, "take texts"),
    ],
)  # fmt: skip
def test_what_it_has_not_is_refused_before_it_is_asked(
    gateway: RunningGateway,
    upstream: respx.Router,
    fresh: Name,
    path: str,
    body: dict[str, Any],
    says: str,
) -> None:
    upstream.post(host="api.mistral.ai").mock(side_effect=AssertionError("it must not be asked"))
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post(path, json=body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]
    assert gateway.events(name) == []
