"""The SDK's promises about money, kept by a real gateway: budgets, limits, streams that are left, answers that got lost."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import tollway
from tollway import Money

from tests.fixtures.running import RunningGateway, eventually
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]
M = "magistral-small-2509"


def ask(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": M, "messages": text, "prompt_mode": None, "max_tokens": 50, **fields}


def test_a_budget_stops_before_it_is_overspent(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with tollway.Tollway(gateway.account(name), gateway.url) as client, client.budget("0.00001") as budget:
        spent, refused = Money(0), 0
        for _ in range(20):
            try:
                spent += client.chat.complete(**ask("ok tokens=50")).cost
            except tollway.BudgetExceeded:
                refused += 1
        assert budget.spent == spent <= Money(10_000)
        assert refused
    assert gateway.settled_up(name).settled_nanousd == spent.nanousd


def test_a_limit_cuts_the_answer_or_refuses_the_prompt(
    gateway: RunningGateway, worker: ScriptedWorker, fresh: Name
) -> None:
    with tollway.Tollway(gateway.account(fresh()), gateway.url) as client:
        estimate = client.estimate(**ask("ok tokens=3", max_tokens=1))
        assert estimate.cost_max is not None
        limit = estimate.cost_max + Money(2 * 600)
        answer = client.chat.complete(**ask("ok tokens=3"), max_cost_usd=limit)
        assert answer.cost <= limit
        assert worker.seen[-1].body["max_tokens"] == 3, "one, and two more that the limit affords"
        with pytest.raises(tollway.BudgetExceeded) as refused:
            client.chat.complete(**ask("ok"), max_cost_usd=Money(1))
        assert (refused.value.available, refused.value.status_code) == (Money(1), 402)
        assert refused.value.needed is not None
        assert refused.value.needed <= estimate.cost_max


def test_a_prompt_that_does_not_fit_says_by_how_much(gateway: RunningGateway, fresh: Name) -> None:
    with tollway.Tollway(gateway.account(fresh()), gateway.url) as client:
        with pytest.raises(tollway.ContextTooLong) as long:
            client.chat.complete(**ask("word " * 200, max_tokens=131_072))
        assert long.value.limit == 131_072
        assert long.value.tokens is not None
        assert long.value.tokens > long.value.limit


def check_left(
    gateway: RunningGateway, worker: ScriptedWorker, name: str, request_id: str, spent: Money
) -> None:
    eventually(lambda: worker.seen[-1].cut, "the worker is stopped")
    event = gateway.event(request_id)
    assert event.outcome == "client_gone"
    assert 1 <= event.output_tokens < 500
    assert gateway.settled_up(name).settled_nanousd == event.cost_nanousd == spent.nanousd


LONG = ask("ok tokens=1000 delay=0.01", max_tokens=2000)


def test_leaving_a_stream_stops_the_worker_and_the_budget_learns_its_cost(
    gateway: RunningGateway, worker: ScriptedWorker, fresh: Name
) -> None:
    name = fresh()
    with tollway.Tollway(gateway.account(name), gateway.url) as client, client.budget("0.01") as budget:
        with client.chat.stream(**LONG) as stream:
            for _ in zip(range(5), stream.text_deltas(), strict=False):
                pass
        assert budget.spent == Money.from_usd("0.01"), "until its receipt is read it may have cost all of it"
        cut = len(worker.seen) - 1
        second = client.chat.complete(**ask("ok tokens=2"))
        assert worker.seen[cut].cut
        left = gateway.event(stream.request_id).cost_nanousd
        assert budget.spent == Money(left) + second.cost
    assert gateway.settled_up(name).settled_nanousd == budget.spent.nanousd


def test_a_cancelled_task_stops_the_worker_too(
    gateway: RunningGateway, worker: ScriptedWorker, fresh: Name
) -> None:
    name = fresh()
    key = gateway.account(name)

    async def run() -> str:
        async with tollway.AsyncTollway(key, gateway.url) as client:
            stream = client.chat.stream(**LONG)
            began = asyncio.Event()

            async def read() -> None:
                async with stream:
                    async for _ in stream.text_deltas():
                        began.set()

            task = asyncio.create_task(read())
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return stream.request_id

    request_id = asyncio.run(run())
    check_left(gateway, worker, name, request_id, Money(gateway.event(request_id).cost_nanousd))


def test_a_cancelled_answer_stops_the_worker_and_costs_nothing_unsaid(
    gateway: RunningGateway, worker: ScriptedWorker, fresh: Name
) -> None:
    name = fresh()
    key = gateway.account(name)

    async def run() -> tollway.Budget:
        async with tollway.AsyncTollway(key, gateway.url) as client:
            with client.budget("0.01") as budget:
                task = asyncio.create_task(client.chat.complete(**ask("hang")))
                await asyncio.to_thread(
                    eventually, lambda: worker.seen and worker.seen[-1].body, "it arrived"
                )
                await asyncio.sleep(0.1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            return budget

    budget = asyncio.run(run())
    assert budget.spent == Money.from_usd("0.01"), "what it cost was never said: it counts in full"
    eventually(lambda: worker.seen[-1].cut, "the worker is stopped")
    assert gateway.settled_up(name).settled_nanousd == 0


class LosingAnswers(BaseHTTPRequestHandler):
    """A way to `upstream` on which the first `to_lose` answers never arrive: the connection closes instead."""

    upstream: str
    to_lose: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        answer = httpx.post(f"{self.upstream}{self.path}", content=body, headers=headers, trust_env=False)
        if type(self).to_lose:
            type(self).to_lose -= 1
            return
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """The test says what matters."""


@contextmanager
def losing_answers(upstream: str, lost: int) -> Iterator[str]:
    handler = type("Losing", (LosingAnswers,), {"upstream": upstream, "to_lose": lost})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_an_answer_that_got_lost_is_fetched_again_and_paid_once(
    gateway: RunningGateway, worker: ScriptedWorker, fresh: Name
) -> None:
    name = fresh()
    asked = len(worker.seen)
    with (
        losing_answers(gateway.url, 1) as url,
        tollway.Tollway(gateway.account(name), url, max_retries=1) as client,
    ):
        answer = client.chat.complete(**ask("ok tokens=4"))
    assert answer.text.split() == ["tok"] * 4
    assert len(worker.seen) == asked + 1, "the second answer is the first one"
    assert gateway.settled_up(name).settled_nanousd == answer.cost.nanousd
