"""The default reasoning prompt: sent, held, billed, estimated; not counted as if the client had sent it; and left out on wish."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker

PATH = "/v1/chat/completions"
TOKENS = 123
Name = Callable[[], str]


def plain(**fields: Any) -> dict[str, Any]:
    """As a client writes it that has never heard of prompt_mode."""
    body = chat("ok", **fields)
    del body["prompt_mode"]
    return body


def test_it_is_sent_and_billed_unless_the_client_opts_out(tmp_path: Path, fresh: Name) -> None:
    """By our count: llama.cpp's own is not believed."""
    with (
        ScriptedWorker(kind="llamacpp") as worker,
        RunningGateway(tmp_path, worker.url) as gateway,
        gateway.api(gateway.account(fresh())) as api,
    ):
        with_it = api.post(PATH, json=plain()).json()["usage"]
        assert [message["role"] for message in worker.seen[-1].body["messages"]] == ["system", "user"]
        without = api.post(PATH, json=chat("ok")).json()["usage"]
        assert [message["role"] for message in worker.seen[-1].body["messages"]] == ["user"]
        assert "prompt_mode" not in worker.seen[-1].body
    assert with_it["cost_nanousd"] - without["cost_nanousd"] == TOKENS * 200


def test_what_is_counted_and_what_is_estimated(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        counted = api.post("/v1/tokenize", json=plain()).json()
        opted_out = api.post("/v1/tokenize", json=chat("ok")).json()
        assert counted["prompt_tokens"] == opted_out["prompt_tokens"], "of what was sent"
        assert counted["default_system_prompt_tokens"] == TOKENS
        assert opted_out["default_system_prompt_tokens"] == 0
        estimates = [api.post("/v1/estimate", json=body).json() for body in (plain(), chat("ok"))]
    assert estimates[0]["prompt_tokens"] - estimates[1]["prompt_tokens"] == TOKENS


def test_a_wrong_mode_is_refused_before_anything_is_charged(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post(PATH, json=chat("ok", prompt_mode="fast"))
    assert (answer.status_code, answer.json()["param"]) == (400, "prompt_mode")
    assert gateway.events(name) == []
