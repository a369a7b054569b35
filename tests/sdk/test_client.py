"""The two shells, sync and async alike, in front of a function that plays the gateway."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import tollway
from tollway import Money

from tests.sdk.shells import Pieces, Shell
from tests.sdk.test_stream import ANSWER


def test_an_answer_knows_its_cost(shell: Shell) -> None:
    def gateway(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://gw/v1/chat/completions"
        assert request.headers["authorization"] == "Bearer tw_k"
        return httpx.Response(200, json=ANSWER, headers={"x-request-id": "req_7"})

    answer = shell.complete(gateway)
    assert (answer.text, str(answer.cost), answer.request_id) == ("hi", "$0.000000800", "req_7")


def test_a_whole_answer_with_tools_and_reasoning(shell: Shell) -> None:
    message = {"content": None, "reasoning_content": "hm", "refusal": None,
               "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}  # fmt: skip
    body = {
        "id": "c",
        "model": "m",
        "new": 1,
        "choices": [{"message": message, "finish_reason": "tool_calls"}],
    }
    answer = shell.complete(lambda _: httpx.Response(200, json=body))
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("", "hm", "tool_calls")
    assert answer.tool_calls == (tollway.ToolCall("t", "f", "{}"),)
    with pytest.raises(tollway.TollwayError, match="cost"):
        answer.cost  # noqa: B018


def test_retries_keep_their_idempotency_key(shell: Shell, pauses: list[float]) -> None:
    keys: list[str] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            raise httpx.ConnectError("no route", request=request)
        return httpx.Response(503) if len(keys) == 2 else httpx.Response(200, json=ANSWER)

    assert shell.complete(gateway).text == "hi"
    assert (len(keys), len(set(keys)), pauses) == (3, 1, [0.5, 1.0])
    keys[:] = keys[:1] * 2
    shell.complete(gateway)
    assert keys[2] != keys[0], "another request has another key"


def test_retry_after_is_obeyed(shell: Shell, pauses: list[float]) -> None:
    answers = [httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(200, json=ANSWER)]
    assert shell.complete(lambda _: answers.pop(0)).text == "hi"
    assert pauses == [7.0]


def test_patience_ends(shell: Shell, pauses: list[float]) -> None:
    with pytest.raises(tollway.RateLimited) as limited:
        shell.complete(lambda _: httpx.Response(429, headers={"retry-after-ms": "1500"}))
    assert limited.value.retry_after_s == 1.5
    assert pauses == [1.5, 1.5]


def test_the_gateway_can_forbid_a_retry(shell: Shell, pauses: list[float]) -> None:
    body = {"error": {"message": "late"}}
    with pytest.raises(tollway.ServerError, match="late"):
        shell.complete(lambda _: httpx.Response(504, json=body, headers={"x-should-retry": "false"}))
    assert pauses == []


@pytest.mark.parametrize(
    ("broken", "expected", "retries_post", "retries_get"),
    [
        (httpx.ConnectError("refused"), tollway.APIConnectionError, 2, 2),
        (httpx.ConnectTimeout("slow"), tollway.APITimeoutError, 2, 2),
        (httpx.PoolTimeout("busy"), tollway.APITimeoutError, 2, 2),
        (httpx.ReadTimeout("slow"), tollway.APITimeoutError, 0, 2),
        (httpx.ReadError("reset"), tollway.APIConnectionError, 2, 2),
        (httpx.RemoteProtocolError("hung up"), tollway.APIConnectionError, 2, 2),
        (httpx.UnsupportedProtocol("what is gw://"), tollway.APIConnectionError, 0, 0),
        (httpx.InvalidURL("bad"), tollway.APIConnectionError, 0, 0),
        (httpx.DecodingError("not gzip"), tollway.APIConnectionError, 0, 0),
    ],
)
def test_no_answer_at_all(
    shell: Shell,
    pauses: list[float],
    broken: Exception,
    expected: type[Exception],
    retries_post: int,
    retries_get: int,
) -> None:
    def gateway(_: httpx.Request) -> httpx.Response:
        raise broken

    with pytest.raises(tollway.APIConnectionError) as post:
        shell.complete(gateway)
    assert (type(post.value), len(pauses)) == (expected, retries_post)
    assert post.value.__cause__ is broken
    pauses.clear()
    with pytest.raises(tollway.APIConnectionError):
        shell.ask(gateway, lambda client: client.credits.get())
    assert len(pauses) == retries_get


def test_an_error_that_breaks_off_is_a_broken_connection(shell: Shell) -> None:
    def gateway(_: httpx.Request) -> httpx.Response:
        return httpx.Response(500, stream=Pieces(b'{"err', broken=httpx.ReadError("cut")))

    events, error = shell.read(gateway)
    assert (events, type(error)) == ([], tollway.APIConnectionError)


@pytest.mark.parametrize(
    "act",
    [
        lambda client: client.chat.complete(model="m", messages=[]),
        lambda client: client.models.list(),
        lambda client: client.credits.get(),
        lambda client: client.receipts.get("req_1"),
        lambda client: client.usage.list(),
    ],
)
@pytest.mark.parametrize("body", [b"<html>It works!</html>", b"[]", b'{"data": [1], "choices": 1}', b"\xff"])
def test_a_success_of_something_else_is_not_believed(
    shell: Shell, act: Callable[[Any], Any], body: bytes
) -> None:
    with pytest.raises(tollway.APIConnectionError, match="base_url"):
        shell.ask(lambda _: httpx.Response(200, content=body), act)


MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "us", "max_context_length": 8192, "aliases": ["n"],
         "description": "d", "deprecation": None, "prices_nanousd_per_mtok": {"input": 20}}  # fmt: skip
CREDITS = {"object": "credits", "account_id": "a", "granted_nanousd": 5, "settled_nanousd": 2, "held_nanousd": 1,
           "credit_limit_nanousd": 0, "available_nanousd": 2, "available_usd": "0.000000002", "new": 1,
           "grants": [{"id": "g", "kind": "signup", "amount_nanousd": 5, "amount_usd": "0.000000005",
                       "created_at": "2026-11-01T00:00:00Z", "expires_at": None}]}  # fmt: skip
LINE = {"token_class": "input", "tokens": 3, "price_nanousd_per_mtok": 200_000_000, "price_usd_per_mtok": "0.2",
        "cost_nanousd": 600, "cost_usd": "0.000000600"}  # fmt: skip
RECEIPT = {"object": "receipt", "request_id": "req_1", "created_at": "2026-11-01T00:00:00Z", "model": "m", "key_id": "k",
           "outcome": "completed", "streamed": True, "estimated": False, "new": {"x": 1}, "lines": [LINE],
           "usage": {"input_tokens": 3, "output_tokens": 0}, "price_version": 1, "cost_nanousd": 600}  # fmt: skip
ROW = {"group": "2026-11-01", "day": "2026-11-01", "requests": 1, "input_tokens": 3, "input_image_tokens": 0,
       "input_cached_tokens": 0, "output_tokens": 2, "output_reasoning_tokens": 1, "cost_nanousd": 180,
       "cost_usd": "0.000000180", "new": None}  # fmt: skip


def test_models_credits_receipts_and_usage(shell: Shell) -> None:
    answers: dict[str, Any] = {
        "/v1/models": {"object": "list", "data": [MODEL, {"id": "bare"}]},
        "/v1/credits": CREDITS,
        "/v1/receipts/req_1": RECEIPT,
        "/v1/usage?group_by=day&since=2026-11-01T00%3A00%3A00Z": {"object": "list", "data": [ROW]},
    }

    def gateway(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(200, json=answers.pop(request.url.raw_path.decode()))

    model, bare = shell.ask(gateway, lambda client: client.models.list())
    assert (model.max_context_length, model.aliases, model.prices_nanousd_per_mtok) == (
        8192,
        ("n",),
        {"input": 20},
    )
    assert (bare.id, bare.max_context_length) == ("bare", None)
    credit = shell.ask(gateway, lambda client: client.credits.get())
    assert (credit.available, credit.settled_nanousd, credit.grants[0].amount) == (Money(2), 2, Money(5))
    receipt = shell.ask(gateway, lambda client: client.receipts.get("req_1"))
    assert (receipt.cost, receipt.lines[0].cost, receipt.usage.input_tokens) == (Money(600), Money(600), 3)
    since = "2026-11-01T00:00:00Z"
    [row] = shell.ask(gateway, lambda client: client.usage.list("day", since=since))
    assert (row.day, row.key_id, row.cost) == ("2026-11-01", None, Money(180))
    assert not answers, "each was asked for"


@pytest.mark.parametrize("client", [tollway.Tollway, tollway.AsyncTollway])
def test_a_key_is_needed_and_may_come_from_the_environment(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOLLWAY_API_KEY", raising=False)
    with pytest.raises(tollway.TollwayError, match="set the environment variable TOLLWAY_API_KEY"):
        client()
    monkeypatch.setenv("TOLLWAY_API_KEY", "tw_env")
    monkeypatch.setenv("TOLLWAY_BASE_URL", "http://elsewhere:1/")
    account = client()._link.account
    assert (account.api_key, account.base_url) == ("tw_env", "http://elsewhere:1")


def test_a_lent_http_client_stays_open_and_our_own_is_closed() -> None:
    with httpx.Client() as lent:
        with tollway.Tollway("tw_k", http_client=lent):
            pass
        assert not lent.is_closed
    with tollway.Tollway("tw_k") as client:
        pass
    assert client._link._client.is_closed


def test_the_same_with_asyncio() -> None:
    async def run(client: tollway.AsyncTollway) -> tuple[bool, bool]:
        lent = client._link._client
        async with client:
            pass
        async with tollway.AsyncTollway("tw_k") as own:
            pass
        return lent.is_closed, own._link._client.is_closed

    assert Shell("async").ask(lambda _: httpx.Response(500), run) == (False, True)
