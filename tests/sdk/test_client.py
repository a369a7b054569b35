"""The SDK's two shells, sync and async alike, over a transport that plays the gateway."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import tollway

ANSWER = {"id": "c", "model": "m", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
          "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost_nanousd": 800}}  # fmt: skip
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(params=["sync", "async"])
def complete(request: pytest.FixtureRequest) -> Callable[..., tollway.ChatCompletion]:
    """One completion through either client; the handler plays the gateway."""

    def sync(handler: Handler, **options: Any) -> tollway.ChatCompletion:
        http = httpx.Client(transport=httpx.MockTransport(handler))
        with tollway.Tollway("tw_k", "http://gw/v1/", http_client=http, **options) as client:
            return client.chat.complete(**HELLO)

    def coroutine(handler: Handler, **options: Any) -> tollway.ChatCompletion:
        async def run() -> tollway.ChatCompletion:
            http = httpx.AsyncClient(transport=httpx.MockTransport(handler))
            async with tollway.AsyncTollway("tw_k", "http://gw/v1/", http_client=http, **options) as client:
                return await client.chat.complete(**HELLO)

        return asyncio.run(run())

    return sync if request.param == "sync" else coroutine


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollway._core.BACKOFF_S", (0.001, 0.002))


def test_an_answer_knows_its_cost(complete: Callable[..., tollway.ChatCompletion]) -> None:
    def gateway(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://gw/v1/chat/completions"
        return httpx.Response(200, json=ANSWER, headers={"x-request-id": "req_7"})

    answer = complete(gateway)
    assert (answer.text, str(answer.cost), answer.request_id) == ("hi", "$0.000000800", "req_7")


def test_retries_keep_their_idempotency_key(complete: Callable[..., tollway.ChatCompletion]) -> None:
    keys: list[str] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            raise httpx.ConnectError("no route", request=request)
        return httpx.Response(503) if len(keys) == 2 else httpx.Response(200, json=ANSWER)

    assert complete(gateway).text == "hi"
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_the_gateway_can_forbid_a_retry(complete: Callable[..., tollway.ChatCompletion]) -> None:
    tries: list[int] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        tries.append(1)
        return httpx.Response(504, json={"error": {"message": "late"}}, headers={"x-should-retry": "false"})

    with pytest.raises(tollway.ServerError, match="late"):
        complete(gateway)
    assert len(tries) == 1


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError("refused"), tollway.APIConnectionError),
        (httpx.ReadTimeout("slow"), tollway.APITimeoutError),
    ],
)
def test_no_answer_at_all(
    complete: Callable[..., tollway.ChatCompletion], raised: Exception, expected: type[Exception]
) -> None:
    def gateway(request: httpx.Request) -> httpx.Response:
        raise raised

    with pytest.raises(expected):
        complete(gateway, max_retries=1)


def test_a_key_is_needed_and_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOLLWAY_API_KEY", raising=False)
    with pytest.raises(tollway.TollwayError, match="TOLLWAY_API_KEY"):
        tollway.Tollway()
    monkeypatch.setenv("TOLLWAY_API_KEY", "tw_env")
    monkeypatch.setenv("TOLLWAY_BASE_URL", "http://elsewhere:1/")
    with tollway.Tollway() as client:
        assert (client._profile.api_key, client._profile.base_url) == ("tw_env", "http://elsewhere:1")


def test_a_stream_that_is_cut_is_an_error() -> None:
    def gateway(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b'data: {"choices":[{"delta":{"content":"ha"}}]}\n\n')

    http = httpx.Client(transport=httpx.MockTransport(gateway))
    with (
        tollway.Tollway("tw_k", "http://gw", http_client=http) as client,
        client.chat.stream(**HELLO) as stream,
    ):
        assert next(stream.text_deltas()) == "ha"
        with pytest.raises(tollway.StreamInterrupted):
            stream.final()


def test_a_refused_stream_has_its_reason() -> None:
    http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(402, json={"error": {"message": "broke"}}))
    )
    with (
        tollway.Tollway("tw_k", "http://gw", http_client=http) as client,
        pytest.raises(tollway.InsufficientCredits, match="broke"),
    ):
        client.chat.stream(**HELLO)
