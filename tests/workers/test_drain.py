"""The Mistral API goes on generating when its client leaves, and bills it: so it is read to its usage."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import respx

from gateway.inference.drains import Drains
from tests.fixtures.running import RunningGateway, eventually

Name = Callable[[], str]
API = "https://api.mistral.ai/v1/chat/completions"
PIECES = 30


async def pieces() -> AsyncIterator[bytes]:
    """Thirty chunks, ten milliseconds apart, and the usage on the last, which brings the end in the same packet."""
    head = {"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "mistral-small-2603"}
    for number in range(PIECES):
        last = number == PIECES - 1
        choice = {"index": 0, "delta": {"content": "word "}, "finish_reason": "stop" if last else None}
        usage = (
            {"usage": {"prompt_tokens": 7, "completion_tokens": PIECES, "total_tokens": 7 + PIECES}}
            if last
            else {}
        )
        end = b"data: [DONE]\n\n" if last else b""
        yield b"data: " + json.dumps({**head, "choices": [choice], **usage}).encode() + b"\n\n" + end
        await asyncio.sleep(0.01)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    with respx.mock(assert_all_called=False) as router:
        router.route(host="127.0.0.1").pass_through()
        router.post(API).mock(
            side_effect=lambda _: httpx.Response(
                200, headers={"content-type": "text/event-stream"}, content=pieces()
            )
        )
        with RunningGateway(tmp_path, over_httpx=True, mistral_api_key="k") as running:
            yield running


def leave_early(gateway: RunningGateway, name: str) -> str:
    body = {
        "model": "mistral-small-latest",
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
        "max_tokens": 99,
    }
    with (
        gateway.api(gateway.account(name)) as api,
        api.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        lines = (line for line in answer.iter_lines() if "word" in line)
        next(lines)
        next(lines)
        return answer.headers["x-request-id"]


def test_a_client_that_leaves_pays_what_the_upstream_bills(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    event = gateway.event(leave_early(gateway, name))
    assert (event.outcome, event.input_tokens, event.output_tokens) == ("client_gone", 7, PIECES)
    assert (event.input_source, event.output_source) == ("worker", "worker")
    assert gateway.settled_up(name).settled_nanousd == 7 * 150 + PIECES * 600


def test_beyond_the_bound_it_is_settled_by_what_was_relayed(
    gateway: RunningGateway, fresh: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.inference.drains.DRAINS_MAX", 0)
    event = gateway.event(leave_early(gateway, fresh()))
    assert event.outcome == "client_gone"
    assert event.estimated, "this gateway has no tokenizer for that model"
    assert 2 <= event.output_tokens < PIECES


def test_a_drain_has_an_end(gateway: RunningGateway, fresh: Name, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.inference.drains.DRAIN_S_MAX", 0.05)
    name = fresh()
    event = gateway.event(leave_early(gateway, name))
    assert 2 <= event.output_tokens < PIECES
    gateway.settled_up(name)


def test_a_stop_settles_what_is_being_drained(tmp_path: Path) -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("settled")

    async def run() -> None:
        drains = Drains()
        assert drains.take(endless(), "mistral")
        assert not drains.take(endless(), "vllm"), "workers of ours are stopped instead"
        await asyncio.sleep(0)
        await drains.close()

    asyncio.run(run())
    assert ended == ["settled"]


def test_the_ledger_is_whole_after_a_stop_in_the_middle(tmp_path: Path, fresh: Name) -> None:
    name = fresh()
    with respx.mock(assert_all_called=False) as router:
        router.route(host="127.0.0.1").pass_through()
        router.post(API).mock(
            side_effect=lambda _: httpx.Response(
                200, headers={"content-type": "text/event-stream"}, content=pieces()
            )
        )
        gateway = RunningGateway(tmp_path, over_httpx=True, mistral_api_key="k")
        with gateway:
            request_id = leave_early(gateway, name)
        again = RunningGateway(tmp_path, over_httpx=True, mistral_api_key="k")
        with again:
            eventually(lambda: again.balance(name).held_nanousd == 0, "nothing is left held")
            assert again.event(request_id).output_tokens >= 2
