"""The rules that each dialect's clients hold a gateway to, on the raw wire, whatever a worker sends.

`test_breakages.py` drives the clients themselves through the same.
"""

import json
from typing import Any

import httpx
import pytest

from tests.dropin.actor import DEPRECATION, WORDS
from tests.dropin.conftest import Name
from tests.dropin.oddities import HARMLESS
from tests.dropin.site import API, BREAKING, CODE, TOLD, Site

PATH = "/v1/chat/completions"
AGENTS = {"openai": "OpenAI/JS 7.57.0", "mistral": "mistral-client-typescript/2.7.0"}
ODD = [(how, TOLD) for how in HARMLESS] + [
    (how, API)
    for how in (
        "nothing",
        "extra_keys",
        "usage_is_null",
        "unknown_finish_reason",
        "comments_between_events",
        "no_done",
    )
]
"""The Mistral API has not all the ways of the OpenAI-like."""
odd = pytest.mark.parametrize(("how", "model"), ODD, ids=[f"{how}-{model[:7]}" for how, model in ODD])
dialects = pytest.mark.parametrize("dialect", list(AGENTS))
upstreams = pytest.mark.parametrize("model", [TOLD, API], ids=["vllm", "mistral-api"])


def post(site: Site, account: str, dialect: str, model: str, prompt: str, **fields: Any) -> httpx.Response:
    messages = [{"role": "user", "content": prompt}]
    with site.gateway.api(site.gateway.account(account), **{"user-agent": AGENTS[dialect]}) as api:
        return api.post(PATH, json={"model": model, "messages": messages, **fields})


def chunks_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """The events, in order; fails unless the stream ends as every client expects."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def check_whole(dialect: str, body: dict[str, Any]) -> None:
    assert {"id", "model", "choices", "usage"} <= body.keys()
    assert body["usage"]["cost_nanousd"] > 0, "extra keys in usage reach every client"
    for choice in body["choices"]:
        content = choice["message"].get("content")
        if dialect == "mistral":
            assert {"object", "created"} <= body.keys(), "without them it fails"
            assert isinstance(choice["finish_reason"], str)
        else:
            assert content is None or isinstance(content, str), "a list of chunks would reach the user raw"


def check_stream(dialect: str, chunks: list[dict[str, Any]]) -> None:
    for chunk in chunks:
        assert chunk["choices"], "LangChain's Mistral client reads choices[0] of every chunk"
        for choice in chunk["choices"]:
            (check_for_mistral if dialect == "mistral" else check_for_openai)(choice)
    assert chunks[-1]["choices"][0]["finish_reason"]
    if dialect == "mistral":
        assert ["usage" in chunk for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
        assert chunks[-1]["usage"]["cost_nanousd"] > 0
    else:
        assert not any(chunk.get("usage") for chunk in chunks), "which the client did not ask for"


def check_for_mistral(choice: dict[str, Any]) -> None:
    assert "finish_reason" in choice, "a chunk without the key breaks both"
    for call in choice["delta"].get("tool_calls") or ():
        assert isinstance(call["function"]["name"], str), "a later piece without a name breaks both"
        assert call["id"] == "null" or (len(call["id"]) == 9 and call["id"].isalnum())
    content = choice["delta"].get("content")
    if isinstance(content, list):
        assert {part["type"] for part in content} <= {"thinking", "text"}
        assert all(isinstance(part["thinking"], list) for part in content if part["type"] == "thinking")


def check_for_openai(choice: dict[str, Any]) -> None:
    delta = choice["delta"]
    assert isinstance(delta.get("content") or "", str)
    assert delta.get("reasoning") == delta.get("reasoning_content")
    for call in delta.get("tool_calls") or ():
        assert "id" not in call or (call["id"] not in ("", "null") and call["function"]["name"])


@odd
@dialects
def test_whole_on_the_wire(site: Site, fresh: Name, how: str, dialect: str, model: str) -> None:
    answer = post(site, fresh(), dialect, model, f"say how={how}")
    assert answer.headers["content-type"].startswith("application/json")
    check_whole(dialect, answer.json())
    assert answer.json()["choices"][0]["message"]["content"] == WORDS


@odd
@dialects
def test_streamed_on_the_wire(site: Site, fresh: Name, how: str, dialect: str, model: str) -> None:
    chunks = chunks_of(post(site, fresh(), dialect, model, f"say how={how}", stream=True))
    check_stream(dialect, chunks)
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == WORDS


@upstreams
@dialects
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("prompt", ["think", "tool city=Paris,Rome"])
def test_thinking_and_tool_calls_on_the_wire(
    site: Site, fresh: Name, prompt: str, stream: bool, dialect: str, model: str
) -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    answer = post(site, fresh(), dialect, model, prompt, stream=stream, tools=tools)
    if stream:
        check_stream(dialect, chunks_of(answer))
    else:
        check_whole(dialect, answer.json())


@dialects
def test_usage_in_a_chunk_of_its_own_only_for_who_asked(site: Site, fresh: Name, dialect: str) -> None:
    options = {"include_usage": True}
    chunks = chunks_of(post(site, fresh(), dialect, TOLD, "say", stream=True, stream_options=options))
    assert (chunks[-1]["choices"] == []) == (dialect == "openai")
    assert chunks[-1]["usage"]["cost_nanousd"] > 0


@dialects
@pytest.mark.parametrize("stream", [False, True])
def test_a_deprecation_header_is_not_passed_on(site: Site, fresh: Name, dialect: str, stream: bool) -> None:
    answer = post(site, fresh(), dialect, API, "say", stream=stream)
    assert answer.status_code == 200
    assert DEPRECATION not in answer.headers


@dialects
def test_a_422_is_never_sent(site: Site, fresh: Name, dialect: str) -> None:
    """Mistral's clients demand a list in it, and a worker's own has often a string."""
    answer = post(site, fresh(), dialect, TOLD, "say how=unprocessable")
    assert answer.status_code == 400
    assert "the field x is unknown" in answer.json()["message"]


@dialects
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_worker_is_told_alike_whatever_it_said(
    site: Site, fresh: Name, dialect: str, status: int
) -> None:
    answer = post(site, fresh(), dialect, API, f"flaky status={status} for={fresh()}")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "x-should-retry" not in answer.headers


@dialects
def test_an_error_body_has_both_shapes(site: Site, fresh: Name, dialect: str) -> None:
    answer = post(site, fresh(), dialect, "gpt-9", "Hi.")
    flat, nested = answer.json(), answer.json()["error"]
    assert flat["object"] == "error"
    for name in ("message", "type", "param", "code", "request_id"):
        assert flat[name] == nested[name]
    assert answer.headers["x-request-id"] == flat["request_id"]


@dialects
def test_a_stream_that_breaks_says_so_and_has_no_end(site: Site, fresh: Name, dialect: str) -> None:
    """A cut alone ends silently in Mistral's clients, and OpenAI's look for `error` at the top."""
    answer = post(site, fresh(), dialect, BREAKING, "die after=2", stream=True)
    assert "[DONE]" not in answer.text
    last = json.loads(answer.text.strip().rpartition("\n\n")[2].removeprefix("data: "))
    assert last["error"]["code"] == "worker_failed"
    assert last["error"]["message"]


def test_every_reply_has_a_request_id(site: Site, fresh: Name) -> None:
    with site.gateway.api(site.gateway.account(fresh())) as api:
        body = {"model": TOLD, "messages": [{"role": "user", "content": "say"}]}
        replies = [
            api.get("/v1/models"),
            api.get("/v1/nothing"),
            api.post(PATH, json=body),
            api.post(PATH, json={**body, "stream": True}),
            api.post(PATH, content=b"{"),
        ]
    ids = [reply.headers["x-request-id"] for reply in replies]
    assert len(set(ids)) == len(ids)
    assert all(each.startswith("req_") for each in ids)


def test_a_model_card_suits_both(site: Site, fresh: Name) -> None:
    """Without `type` the Mistral clients fail or lose the id."""
    with site.gateway.api(site.gateway.account(fresh())) as api:
        cards = api.get("/v1/models").json()["data"]
        one = api.get(f"/v1/models/{CODE}").json()
        assert api.get(f"/mistral/v1/models/{CODE}").json() == one
    assert one in cards
    assert (one["max_context_length"], one["capabilities"]["completion_fim"]) == (8192, True)
    for card in cards:
        assert (card["object"], card["type"]) == ("model", "base")
        assert {"id", "created", "owned_by", "capabilities", "max_context_length"} <= card.keys()


BELOW_MISTRAL = [
    ("chat/completions", {"model": TOLD, "messages": [{"role": "user", "content": "say"}]}),
    ("fim/completions", {"model": CODE, "prompt": "Hello"}),
]


@pytest.mark.parametrize(("path", "body"), BELOW_MISTRAL)
def test_any_client_below_mistral_is_a_mistral_client(
    site: Site, fresh: Name, path: str, body: dict[str, Any]
) -> None:
    """LangChain's says that it is httpx: without usage on the last chunk it reports none."""
    with site.gateway.api(site.gateway.account(fresh())) as api:
        answer = api.post(f"/mistral/v1/{path}", json={**body, "stream": True})
    check_stream("mistral", chunks_of(answer))
