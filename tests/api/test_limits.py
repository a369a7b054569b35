"""Limits as clients meet them: refusals that the official clients wait out, headers, slots of clients that left, and who may set what."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import MistralError
from mistralai.client.utils.retries import BackoffStrategy, RetryConfig
from sqlalchemy import Engine, event

from gateway.limits.admit import Limiter
from gateway.limits.types import MINUTE_US
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

CHAT = "/v1/chat/completions"


class Clock:
    """The limits' alone: a minute that does not end while a test looks at it.

    It is to come: what the sweep's clock, which goes on, holds to be of the past is taken away.
    """

    def __init__(self) -> None:
        self.now_us = (time.time_ns() // 1000 // MINUTE_US + 1) * MINUTE_US + 20_000_000

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    held = Clock()
    for place in ("gateway.limits.admit.now_us", "gateway.api.limits.now_us"):
        monkeypatch.setattr(place, held)
    monkeypatch.setattr("gateway.limits.admit.Limiter.__init__.__kwdefaults__", {"clock": held}, raising=True)
    return held


@pytest.fixture(params=["sqlite", "postgresql"])
def limited(
    request: pytest.FixtureRequest, clock: Clock, tmp_path: Path, worker: ScriptedWorker
) -> Iterator[RunningGateway]:
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres").create_database()
    with RunningGateway(tmp_path, worker.url, database_url=url, key_cache_s=0.0) as running:
        yield running


def allow(gateway: RunningGateway, account: str, **limits: Any) -> httpx.Response:
    with gateway.api(gateway.operator()) as api:
        return api.patch(f"/admin/v1/accounts/{account}/limits", json=limits)


def test_requests_per_minute(limited: RunningGateway, clock: Clock) -> None:
    key = limited.account("a")
    assert allow(limited, "a", requests_per_minute=2).status_code == 200
    with limited.api(key) as api:
        answers = [api.post(CHAT, json=chat("ok")) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [each.headers["x-ratelimit-remaining-requests"] for each in answers[:2]] == ["1", "0"]
        assert answers[0].headers["x-ratelimit-limit-requests"] == "2"
        assert answers[0].headers["x-ratelimit-reset-requests"] == "40s"
        assert answers[0].headers["x-ratelimit-limit-req-minute"] == "2"
        error = answers[2].json()["error"]
        assert error["code"] == "rate_limit_exceeded"
        assert error["type"] == "rate_limit_error"
        assert (error["limit_name"], error["limit"], error["requested"]) == ("requests_per_minute", 2, 1)
        refused = answers[2].headers
        assert (refused["x-ratelimit-remaining-requests"], refused["x-ratelimit-limit-requests"]) == (
            "0",
            "2",
        )
        assert (refused["x-ratelimit-remaining-req-minute"], refused["x-ratelimit-reset-requests"]) == (
            "0",
            "40s",
        )
        assert answers[2].headers["retry-after"] == "41"
        assert answers[2].headers["retry-after-ms"] == "40001"
        assert "try again in 40.0 s" in error["message"]
        clock.now_us += MINUTE_US
        assert api.post(CHAT, json=chat("ok", stream=True)).status_code == 200
        told = api.get("/v1/limits").json()
        assert (told["requests_per_minute"], told["used"]["requests"], told["concurrency"]) == (2, 1, None)
    assert limited.settled_up("a").settled_nanousd == sum(each.cost_nanousd for each in limited.events("a"))
    assert len(limited.events("a")) == 3, "what was refused left no event and cost nothing"


@pytest.mark.parametrize("stream", [False, True])
def test_tokens_are_reserved_and_what_was_not_used_comes_back(limited: RunningGateway, stream: bool) -> None:
    key = limited.account("a")
    allow(limited, "a", output_tokens_per_minute=100, input_tokens_per_minute=5000)
    with limited.api(key) as api:
        for _ in range(4):  # each reserves 50 and uses a few
            answer = api.post(CHAT, json=chat("ok", stream=stream))
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-ratelimit-limit-output-tokens"] == "100"
            assert int(answer.headers["x-ratelimit-tokens-query-cost"]) > 50
        used = api.get("/v1/limits").json()["used"]
        events = limited.events("a")
        eventually(
            lambda: (
                api.get("/v1/limits").json()["used"]["output_tokens"] == sum(e.output_tokens for e in events)
            ),
            "exactly what was billed is in use",
        )
        assert used["input_tokens"] >= sum(each.input_tokens for each in events)
        refused = api.post(CHAT, json=chat("ok", max_tokens=99))
        assert (refused.status_code, refused.json()["limit_name"]) == (429, "output_tokens_per_minute")
        never = api.post(CHAT, json=chat("ok", max_tokens=101))
        assert (never.status_code, never.json()["code"]) == (400, "request_exceeds_limit")
        assert never.headers["x-should-retry"] == "false"
        assert never.headers["x-ratelimit-limit-output-tokens"] == "100"
        assert int(never.headers["x-ratelimit-tokens-query-cost"]) > 101, "what it asked for"
        unsaid = api.post(CHAT, json={**chat("ok"), "max_tokens": None})
        assert unsaid.status_code == 429, (
            "no max_tokens reserves no more than a whole minute, and that is not free"
        )


def test_a_slot_is_freed_by_every_end(limited: RunningGateway, worker: ScriptedWorker) -> None:
    key = limited.account("a")
    allow(limited, "a", concurrency=1)
    with limited.api(key) as api:
        for _ in range(2):
            with api.stream("POST", CHAT, json=chat("ok tokens=100 delay=0.2", stream=True)) as answer:
                assert answer.status_code == 200
                assert answer.headers["x-ratelimit-remaining-concurrency"] == "0"
                pieces = answer.iter_bytes()  # held on to: an iterator that is dropped closes the connection
                next(pieces)
                with limited.api(key) as other:
                    refused = other.post(CHAT, json=chat("ok"))
                assert refused.status_code == 429, refused.text
                assert refused.headers["retry-after"] == "1"
            # the client left in the middle
            eventually(lambda: api.post(CHAT, json=chat("ok")).status_code == 200, "its slot is free")
        assert api.post(CHAT, json=chat("bad_status status=500")).status_code >= 500
        eventually(lambda: api.post(CHAT, json=chat("ok")).status_code == 200, "a broken worker's, too")


def test_what_is_refused_or_replayed_does_not_count(limited: RunningGateway) -> None:
    key = limited.account("a", "0.0001")
    allow(limited, "a", requests_per_minute=2)
    with limited.api(key) as api:
        assert api.post(CHAT, json=chat("ok " * 3000, max_tokens=1)).status_code == 402
        for _ in range(4):
            answer = api.post(CHAT, json=chat("ok"), headers={"idempotency-key": "k"})
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-ratelimit-remaining-requests"] == "1", "once, and again"
        assert api.post(CHAT, json=chat("ok")).headers["x-ratelimit-remaining-requests"] == "0"


def test_the_official_client_waits_and_succeeds(limited: RunningGateway, clock: Clock) -> None:
    key = limited.account("a")
    allow(limited, "a", requests_per_minute=1)
    clock.now_us = clock.now_us // MINUTE_US * MINUTE_US + 59_500_000
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.now_us += int(seconds * 1_000_000)

    ask: dict[str, Any] = {name: value for name, value in chat("ok").items() if name != "prompt_mode"}
    with openai.OpenAI(base_url=f"{limited.url}/v1", api_key=key) as client:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("openai._base_client.time.sleep", sleep)
            for _ in range(2):
                assert client.chat.completions.create(**ask).choices[0].message.content
        assert waits == [0.501], "once, as long as retry-after-ms said"
        with pytest.raises(openai.RateLimitError) as refused:
            client.with_options(max_retries=0).chat.completions.create(**ask)
    assert refused.value.code == "rate_limit_exceeded"


def test_mistrals_client_waits_and_succeeds(limited: RunningGateway, clock: Clock) -> None:
    """With retries on; without, it raises what it was told."""
    key = limited.account("a")
    allow(limited, "a", requests_per_minute=1)
    clock.now_us = clock.now_us // MINUTE_US * MINUTE_US + 59_500_000
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.now_us += int(seconds * 1_000_000)

    ask: dict[str, Any] = {name: value for name, value in chat("ok").items() if name != "prompt_mode"}
    patience = BackoffStrategy(initial_interval=1, max_interval=10, exponent=1.0, max_elapsed_time=60_000)
    with Mistral(api_key=key, server_url=limited.url) as client:
        patient = RetryConfig("backoff", patience, retry_connection_errors=False)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("mistralai.client.utils.retries.time.sleep", sleep)
            for _ in range(2):
                assert client.chat.complete(**ask, retries=patient).choices[0].message.content
        assert waits == [0.501], "once, as long as retry-after-ms said"
        with pytest.raises(MistralError) as refused:
            client.chat.complete(**ask)
    assert refused.value.status_code == 429
    assert refused.value.headers["x-ratelimit-remaining-req-minute"] == "0"


def test_a_key_has_limits_of_its_own_and_never_above_its_accounts(limited: RunningGateway) -> None:
    key = limited.account("a")
    allow(limited, "a", requests_per_minute=10)
    with limited.api(limited.operator()) as api:
        made = api.post("/admin/v1/keys", json={"account": "a", "name": "m", "manages_keys": True}).json()
        where = f"/admin/v1/keys/{made['id']}/limits"
        above = api.patch(where, json={"requests_per_minute": 11})
        assert (above.status_code, above.json()["param"]) == (400, "requests_per_minute")
        assert api.patch(where, json={"requests_per_minute": "unlimited"}).status_code == 400
        assert api.patch(where, json={"requests_per_minute": 0}).status_code == 400
        assert api.patch(where, json={"requests_per_minute": 1, "concurrency": 5}).json()["own"] == {
            "requests_per_minute": 1, "input_tokens_per_minute": None, "output_tokens_per_minute": None,
            "concurrency": 5,
        }  # fmt: skip
        assert api.get("/admin/v1/keys/key_none/limits").status_code == 404
        operators = next(
            each for each in api.get("/admin/v1/keys").json()["data"] if each["kind"] == "operator"
        )
        assert api.get(f"/admin/v1/keys/{operators['id']}/limits").status_code == 400
    with limited.api(made["key"]) as manager, limited.api(key) as plain:
        assert [manager.post(CHAT, json=chat("ok")).status_code for _ in range(2)] == [200, 429]
        assert plain.post(CHAT, json=chat("ok")).headers["x-ratelimit-limit-requests"] == "10"
        own = f"/v1/keys/{made['id']}/limits"
        assert plain.patch(own, json={"concurrency": 1}).status_code == 403
        assert plain.get(own).json()["requests_per_minute"] == 1
        assert manager.patch(own, json={"concurrency": None, "requests_per_minute": 2}).json()["own"] == {
            "requests_per_minute": 2, "input_tokens_per_minute": None, "output_tokens_per_minute": None,
            "concurrency": None,
        }  # fmt: skip
        assert manager.post(CHAT, json=chat("ok")).status_code == 200
        eventually(lambda: manager.get(own).json()["refused"]["requests"] == 1, "the refusal was counted")
    stranger = limited.account("b")
    with limited.api(stranger) as other:
        assert other.get(own).status_code == 404
        assert other.get("/v1/limits").json()["requests_per_minute"] is None
    with limited.api(limited.operator()) as api:
        assert 'tollway_limit_refusals_total{kind="requests",scope="key"} 1.0' in api.get("/metrics").text


def test_defaults_hold_until_an_operator_says_otherwise(
    clock: Clock, tmp_path: Path, worker: ScriptedWorker
) -> None:
    with (
        RunningGateway(tmp_path, worker.url, key_cache_s=0.0, limit_requests_per_minute=1) as running,
        running.api(running.account("a")) as api,
    ):
        assert [api.post(CHAT, json=chat("ok")).status_code for _ in range(2)] == [200, 429]
        assert allow(running, "a", requests_per_minute="unlimited").json()["requests_per_minute"] is None
        answer = api.post(CHAT, json=chat("ok"))
        assert answer.status_code == 200
        assert not any(name.startswith("x-ratelimit") for name in answer.headers)
        assert allow(running, "a", requests_per_minute=None).json()["requests_per_minute"] == 1
        assert allow(running, "nobody", concurrency=1).status_code == 404


def test_a_limited_key_with_plenty_left_costs_no_statement(
    limited: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Limiter, "tick", lambda _: None
    )  # on a busy machine a share looks idle between requests
    key = limited.account("a", "100")
    allow(limited, "a", requests_per_minute=100_000, input_tokens_per_minute=10**9, concurrency=10_000)
    told: list[str] = []

    def hear(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "limit_shares" in statement:
            told.append(statement)

    with limited.api(key) as api:
        api.post(CHAT, json=chat("ok"))
        event.listen(Engine, "before_cursor_execute", hear)
        try:
            assert {api.post(CHAT, json=chat("ok")).status_code for _ in range(20)} == {200}
        finally:
            event.remove(Engine, "before_cursor_execute", hear)
    assert told == []
