"""P6, feature by feature: each client does with the gateway what it does with the API that it was made for.

A test here is a row of the table in docs/clients.md, and runs once for each client that has the feature.
"""

from typing import Any

import pytest

from gateway.kit.money import parse_usd
from tests.dropin.actor import ANSWER, THOUGHT, WORDS
from tests.dropin.conftest import Acting
from tests.dropin.site import API, BREAKING, BUSY, CODE, FLAKY, REAL, SILENT, TOLD
from tests.fixtures.running import eventually
from tests.fixtures.tiny_model import REPLY

SHORT = {"max_tokens": 8}
PICTURE = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""One pixel: two tokens."""
DIMENSIONS = 576
"""Of SmolLM2-135M."""
told = pytest.mark.parametrize("model", [TOLD, API], ids=["vllm", "mistral-api"])


def test_chat(act: Acting) -> None:
    seen = act("chat", model=REAL, prompt="Say hello.", fields=SHORT)
    assert seen["text"]
    act.was_billed_once()


def test_stream(act: Acting) -> None:
    seen = act("stream", model=REAL, prompt="Say hello.", fields=SHORT)
    assert seen["text"]
    act.was_billed_once()


@told
def test_tools(act: Acting, model: str) -> None:
    """The call, and its result handed back: the worker refuses a result of a call that it never made."""
    seen = act("tools", model=model, prompt="tool city=Paris,Rome")
    assert seen["calls"] == [{"name": "weather", "arguments": {"city": city}} for city in ("Paris", "Rome")]
    assert seen["text"] == "Reported: Paris: sun; Rome: sun"


@told
def test_streamed_tools(act: Acting, model: str) -> None:
    seen = act("streamed_tools", model=model, prompt="tool city=Paris,Rome")
    assert seen["calls"] == [{"name": "weather", "arguments": {"city": city}} for city in ("Paris", "Rome")]
    assert seen["text"] == "Reported: Paris: sun; Rome: sun"


def test_image(act: Acting) -> None:
    seen = act("image", model=TOLD, prompt="see", picture=PICTURE)
    assert seen["text"] == "I see 1 picture, image/png"
    assert seen["usage"]["image_tokens"] == 2
    act.billed(seen["usage"])


@told
def test_reasoning(act: Acting, model: str) -> None:
    seen = act("chat", model=model, prompt="think")
    assert (seen["text"], seen["reasoning"]) == (ANSWER, THOUGHT)
    act.billed(seen["usage"])


@told
def test_streamed_reasoning(act: Acting, model: str) -> None:
    seen = act("stream", model=model, prompt="think")
    assert (seen["text"], seen["reasoning"]) == (ANSWER, THOUGHT)
    act.billed(seen["usage"])


def test_structured(act: Acting) -> None:
    """By its own helper: from a real model that is held to the schema, or by a tool that has to be called."""
    if act.client.holds_by_tools:
        seen = act("structured", model=TOLD, prompt="tool colour=green")
    else:
        seen = act("structured", model=REAL, prompt="What colour is the grass?", fields={"max_tokens": 100})
    assert seen["parsed"]["colour"] in {"red", "green"}
    act.was_billed_once()


def test_embeddings(act: Acting) -> None:
    seen = act("embeddings", model=REAL, inputs=["Hello", "Hello world"])
    assert [len(vector) for vector in seen["vectors"]] == [DIMENSIONS] * 2
    for one, other in zip(seen["vectors"], seen["again"], strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    act.billed(*seen["usages"])


def test_fim(act: Acting) -> None:
    seen = act("fim", model=CODE, prompt="Hello", suffix="\n# end")
    streamed = seen["streamed"]
    assert "Hello" + seen["text"] == "Hello" + streamed["text"] == REPLY
    assert streamed["finish_reason"] == "stop"
    act.billed(seen["usage"], streamed["usage"])


def test_models(act: Acting) -> None:
    seen = act("models", model=CODE)
    assert {REAL, CODE, TOLD, API} <= set(seen["ids"])
    assert (seen["one"]["id"], seen["one"]["owned_by"]) == (CODE, "tollway")


REFUSED = [
    (401, "invalid_api_key", None, {"key": "tw_wrong"}),
    (402, "insufficient_credit", None, {"usd": "0"}),
    (404, "model_not_found", "model", {"model": "gpt-9"}),
    (400, "invalid_request", "n", {"fields": {"n": 2}}),
    (503, "worker_busy", None, {"model": BUSY, "prompt": "bad_status status=429 after=1"}),
]


@pytest.mark.parametrize(("status", "code", "param", "ask"), REFUSED, ids=[str(row[0]) for row in REFUSED])
def test_errors(act: Acting, status: int, code: str, param: str | None, ask: dict[str, Any]) -> None:
    """Each as the client's own exception for that status, with what is in the way and whom to ask."""
    act.open_account(ask.get("usd", "1"))
    seen = act("error", **{"model": REAL, "prompt": "Hi.", **ask})
    assert (seen["status"], seen["code"], seen["param"]) == (status, code, param)
    assert seen["message"]
    assert seen["request_id"].startswith("req_")
    assert (seen["retry_after"] is not None) == (status == 503)
    assert seen["type"] == _exception(act, status)
    assert act.site.gateway.settled_up(act.account).settled_nanousd == 0


def _exception(act: Acting, status: int) -> str:
    if act.client.package != "openai":
        return "SDKError"
    named = {
        401: "AuthenticationError",
        404: "NotFoundError",
        400: "BadRequestError",
        503: "InternalServerError",
    }
    return named.get(status, "APIError" if act.client.id == "openai-js" else "APIStatusError")


def test_errors_in_a_stream(act: Acting) -> None:
    """The worker breaks after the first words: an exception, not an answer that looks complete; and nothing is charged."""
    seen = act("broken_stream", model=BREAKING, prompt="die after=2")
    assert seen["text"] == "tok tok "
    told = "the worker broke off its answer; nothing was charged" in seen["message"]
    assert told == act.client.tells_why_a_stream_broke
    assert act.site.only_event(act.account).outcome == "worker_failed"
    assert act.site.gateway.settled_up(act.account).settled_nanousd == 0


def test_retries(act: Acting) -> None:
    """A busy worker, once: the client waits as long as it is told and asks again; it is billed for what it got."""
    seen = act("retried", model=FLAKY, prompt=f"flaky status=503 for={act.account}")
    assert seen["text"] == WORDS
    act.billed(seen["usage"])
    outcomes = [event.outcome for event in act.site.gateway.events(act.account)]
    assert sorted(outcomes) == ["completed", "worker_failed"]


def test_timeouts(act: Acting) -> None:
    """The client's own patience ends: its own exception, the worker is stopped, nothing is charged."""
    act("timeout", model=SILENT, prompt=f"hang {act.account}", seconds=0.6)
    (seen,) = [each for each in act.site.told.seen if act.account in str(each.body)]
    eventually(lambda: seen.cut, "the worker was stopped")
    assert act.site.gateway.settled_up(act.account).settled_nanousd == 0


def test_cancellation(act: Acting) -> None:
    """Leaving a stream early stops the worker, by its own account of itself; what came until then is billed."""
    seen = act("cancel", model=REAL, prompt="Write a long story about a road.", fields={"max_tokens": 1500})
    assert act.site.real_stopped_within(2), "llama.cpp would have gone on for many seconds"
    assert seen["text"]
    event = act.site.only_event(act.account)
    assert (event.outcome, event.output_source) == ("client_gone", "worker")
    assert 5 <= event.output_tokens < 750
    assert event.cost_nanousd == event.input_tokens * 20 + event.output_tokens * 60


@pytest.mark.parametrize("scenario", ["chat", "stream"])
def test_usage(act: Acting, scenario: str) -> None:
    usage = act(scenario, model=TOLD, prompt="say")["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (20, 6, 26)


@pytest.mark.parametrize("scenario", ["chat", "stream"])
def test_cost(act: Acting, scenario: str) -> None:
    """What it cost and what is left, as fields of `usage`."""
    usage = act(scenario, model=TOLD, prompt="say")["usage"]
    assert usage["cost_nanousd"] == parse_usd(usage["cost_usd"]) == 20 * 200 + 6 * 600
    assert parse_usd(usage["credits_remaining_usd"]) == 10**9 - usage["cost_nanousd"]
    act.billed(usage)
