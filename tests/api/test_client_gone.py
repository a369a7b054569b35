"""The trap of DESIGN section 7: when a client leaves, its task is cancelled, and so would be its own bill."""

import socket
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]
SCRIPT = "ok tokens=500 delay=0.01 prompt=10"
PROMPT_TOKENS = 19
"""Of SCRIPT as one user message, by mistral-common's count."""


@pytest.fixture(scope="module", params=["plain", "vllm", "llamacpp"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def served(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningGateway, ScriptedWorker]]:
    with (
        ScriptedWorker(kind=kind) as worker,
        RunningGateway(tmp_path_factory.mktemp("gone"), worker.url) as gateway,
    ):
        yield gateway, worker


def leave_after(gateway: RunningGateway, key: str, script: str, pieces: int) -> str:
    """Reads so many pieces of a stream, then closes the connection; returns the request's id."""
    with (
        gateway.api(key) as api,
        api.stream("POST", "/v1/chat/completions", json=chat(script, stream=True, max_tokens=500)) as answer,
    ):
        lines = (line for line in answer.iter_lines() if '"content":"tok "' in line)
        for _ in range(pieces):
            next(lines)
        return answer.headers["x-request-id"]


def test_leaving_mid_stream_stops_the_worker_and_is_billed(
    served: tuple[RunningGateway, ScriptedWorker], kind: str, fresh: Name
) -> None:
    gateway, worker = served
    name = fresh()
    request_id = leave_after(gateway, gateway.account(name), SCRIPT, pieces=5)
    event = gateway.event(request_id)
    seen = worker.seen[-1]
    eventually(lambda: seen.cut, "the worker was stopped")
    assert seen.chunks_sent < 100
    assert event.outcome == "client_gone"
    assert 5 <= event.output_tokens <= seen.chunks_sent
    counted = {
        "plain": ("counted", "counted"),
        "vllm": ("worker", "worker"),
        "llamacpp": ("counted", "worker"),
    }
    assert (event.input_source, event.output_source) == counted[kind]
    assert event.input_tokens == (10 if kind == "vllm" else PROMPT_TOKENS)
    assert event.cost_nanousd == event.input_tokens * 200 + event.output_tokens * 600 > 0
    assert gateway.settled_up(name).settled_nanousd == event.cost_nanousd


def test_what_we_asked_the_worker_to_count_is_not_shown_to_the_client(
    served: tuple[RunningGateway, ScriptedWorker], fresh: Name
) -> None:
    gateway, _ = served
    with gateway.api(gateway.account(fresh())) as api:
        answer = api.post("/v1/chat/completions", json=chat("ok tokens=5", stream=True))
    assert answer.text.count('"content":"tok "') == 5
    assert '"usage"' not in answer.text
    assert '"timings"' not in answer.text


def test_leaving_before_the_first_token_is_free(
    served: tuple[RunningGateway, ScriptedWorker], fresh: Name
) -> None:
    gateway, worker = served
    name = fresh()
    asked = len(worker.seen)
    with gateway.api(gateway.account(name)) as api, pytest.raises(httpx.ReadTimeout):
        api.post("/v1/chat/completions", json=chat("hang", stream=True), timeout=0.3)
    balance = gateway.settled_up(name)
    eventually(lambda: len(worker.seen) > asked and worker.seen[-1].cut, "the worker was stopped")
    assert balance.settled_nanousd == 0


def test_leaving_before_a_whole_answer_is_free(
    served: tuple[RunningGateway, ScriptedWorker], fresh: Name
) -> None:
    gateway, worker = served
    name = fresh()
    with gateway.api(gateway.account(name)) as api, pytest.raises(httpx.ReadTimeout):
        api.post("/v1/chat/completions", json=chat("hang"), timeout=0.3)
    assert gateway.settled_up(name).settled_nanousd == 0
    eventually(lambda: worker.seen[-1].cut, "the worker was stopped")


def test_leaving_while_sending_the_body_costs_nothing(
    served: tuple[RunningGateway, ScriptedWorker], fresh: Name
) -> None:
    gateway, _ = served
    name = fresh()
    key = gateway.account(name)
    with socket.create_connection(("127.0.0.1", gateway.settings.port)) as raw:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 1000\r\n\r\n"
        raw.sendall(head.encode() + b'{"model"')
    assert gateway.settled_up(name).settled_nanousd == 0
    assert gateway.sums(name).held_nanousd == 0
