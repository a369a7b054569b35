"""Budgets: nothing beyond them is ever asked for, however requests end."""

import asyncio
import contextvars
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import tollway
from hypothesis import given
from hypothesis import strategies as st
from tollway import BudgetExceeded, Money
from tollway._budget import Budget, Hold

from tests.sdk.shells import HELLO, Pieces, Shell
from tests.sdk.test_stream import ANSWER, HEAD, chunk, whole_stream


class Gateway:
    """Answers cost 800 nano-dollars; remembers what each request allowed itself, and how often a receipt was asked for."""

    def __init__(
        self, answer: httpx.Response | Exception | None = None, receipts: tuple[int | None, ...] = ()
    ) -> None:
        self.allowed: list[str | None] = []
        self.receipts = list(receipts)
        self.looked_up = 0
        self._answer = answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.looked_up += 1
            cost = self.receipts.pop(0)
            return httpx.Response(404) if cost is None else httpx.Response(200, json=receipt(cost))
        self.allowed.append(json.loads(request.content).get("max_cost_usd"))
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer or httpx.Response(200, json=ANSWER, headers=HEAD)


def receipt(cost: int) -> dict[str, Any]:
    return {"request_id": "req_1", "created_at": "", "model": "m", "key_id": "k", "outcome": "client_gone", "streamed": True,
            "estimated": False, "usage": {"input_tokens": 1, "output_tokens": 1}, "lines": [], "price_version": 1,
            "cost_nanousd": cost}  # fmt: skip


def within(shell: Shell, gateway: Gateway, usd: Any, *acts: Any, **options: Any) -> Budget:
    """Runs these one after the other inside a budget."""

    def run(client: Any) -> Any:
        if shell.kind == "sync":
            with client.budget(usd) as budget:
                for act in acts:
                    act(client)
            return budget
        return coroutine(client)

    async def coroutine(client: Any) -> Budget:
        with client.budget(usd) as budget:
            for act in acts:
                acted = act(client)
                if hasattr(acted, "__await__"):
                    await acted
        return budget  # type: ignore[no-any-return]

    return shell.ask(gateway, run, **options)  # type: ignore[no-any-return]


def complete(client: Any) -> Any:
    return client.chat.complete(**HELLO)


def test_each_request_may_cost_what_is_left(shell: Shell) -> None:
    gateway = Gateway()
    budget = within(shell, gateway, "0.000002", complete, complete)
    assert gateway.allowed == ["0.000002000", "0.000001200"]
    assert (budget.spent, budget.left) == (Money(1600), Money(400))


def test_without_a_budget_nothing_is_limited(shell: Shell) -> None:
    gateway = Gateway()
    shell.complete(gateway)
    assert gateway.allowed == [None]


def test_a_spent_budget_asks_nothing(shell: Shell) -> None:
    gateway = Gateway()
    with pytest.raises(BudgetExceeded, match="spent") as exceeded:
        within(shell, gateway, "0.0000008", complete, complete)
    assert (exceeded.value.available, exceeded.value.status_code) == (Money(0), 402)
    assert len(gateway.allowed) == 1


def test_a_requests_own_limit_counts_if_it_is_smaller(shell: Shell) -> None:
    gateway = Gateway()
    small = lambda client: client.chat.complete(**HELLO, max_cost_usd="0.000001")  # noqa: E731
    large = lambda client: client.chat.complete(**HELLO, max_cost_usd=1)  # noqa: E731
    within(shell, gateway, "0.000002", small, large)
    assert gateway.allowed == ["0.000001000", "0.000001200"]


@pytest.mark.parametrize(
    ("answer", "spent"),
    [
        ((402, b'{"error": {"code": "max_cost_exceeded"}}'), 0),
        ((500, b""), 0),
        (httpx.ConnectError("refused"), 0),
        (httpx.ReadTimeout("late"), 2000),
        ((200, b"<html>"), 2000),
    ],
)
def test_what_a_failed_request_may_have_cost_counts(shell: Shell, answer: Any, spent: int) -> None:
    kept: list[Budget] = []
    answer = httpx.Response(answer[0], content=answer[1]) if isinstance(answer, tuple) else answer

    def act(client: Any) -> Any:
        return complete(client)

    def run(client: Any) -> Any:
        budget = client.budget("0.000002")
        kept.append(budget)
        if shell.kind == "sync":
            with budget:
                return act(client)

        async def coroutine() -> Any:
            with budget:
                return await act(client)

        return coroutine()

    with pytest.raises(tollway.TollwayError):
        shell.ask(Gateway(answer), run, max_retries=0)
    assert kept[0].spent == Money(spent)


def test_what_cannot_be_built_costs_nothing(shell: Shell) -> None:
    gateway = Gateway()
    with pytest.raises(TypeError):
        within(shell, gateway, "0.000002", lambda client: client.chat.complete(**HELLO, temprature=1))
    assert gateway.allowed == []


def test_an_answer_of_another_type_costs_what_it_cost(shell: Shell) -> None:
    gateway = Gateway()
    budget = tollway.Tollway("tw_k").budget("0.000002")

    def act(client: Any) -> Any:
        budget._link = client._link
        if shell.kind == "sync":
            with budget:
                return client.chat.parse(int, **HELLO)

        async def coroutine() -> Any:
            with budget:
                return await client.chat.parse(int, **HELLO)

        return coroutine()

    with pytest.raises(tollway.InvalidOutput) as invalid:
        shell.ask(gateway, act)
    assert budget.spent == invalid.value.cost == Money(800)
    assert gateway.looked_up == 0, "it was said"


def leave_early(client: Any) -> Any:
    stream = client.chat.stream(**HELLO)
    if isinstance(stream, tollway.ChatStream):
        with stream:
            return next(stream)

    async def coroutine() -> Any:
        async with stream:
            return await anext(stream)

    return coroutine()


def test_a_stream_that_was_left_is_looked_up_before_the_next_request(
    shell: Shell, pauses: list[float]
) -> None:
    body = Pieces(chunk({"content": "a"}), chunk({"content": "b"}))
    gateway = Gateway(httpx.Response(200, stream=body, headers=HEAD), (None, None, 300))
    budget = within(shell, gateway, "0.000002", leave_early)
    assert (budget.spent, gateway.looked_up) == (Money(2000), 0)

    def run_again(client: Any) -> Any:
        budget._link = client._link
        gateway._answer = None
        if shell.kind == "sync":
            with budget:
                return complete(client)

        async def coroutine() -> Any:
            with budget:
                return await complete(client)

        return coroutine()

    shell.ask(gateway, run_again)
    assert (gateway.allowed[-1], gateway.looked_up, pauses) == ("0.000001700", 3, [0.02, 0.05])
    assert budget.spent == Money(1100)


def test_a_stream_read_to_its_end_costs_what_it_says(shell: Shell) -> None:
    gateway = Gateway(httpx.Response(200, content=whole_stream(), headers=HEAD))
    budget = within(shell, gateway, "0.000002", lambda client: client.chat.stream(**HELLO).final())
    assert (budget.spent, budget.left) == (Money(180), Money(1820))


def test_a_stream_without_a_receipt_stays_spent(shell: Shell) -> None:
    body = Pieces(chunk({"content": "a"}))
    gateway = Gateway(httpx.Response(200, stream=body, headers=HEAD), (None,) * 6)
    with pytest.raises(BudgetExceeded):
        within(shell, gateway, "0.000002", leave_early, complete)
    assert gateway.looked_up == 6


def test_budgets_nest_and_the_smaller_counts() -> None:
    gateway = Gateway()
    with httpx.Client(transport=httpx.MockTransport(gateway)) as http:
        client = tollway.Tollway("tw_k", http_client=http)
        with client.budget("0.00001") as outer:
            with client.budget("0.000001") as inner:
                complete(client)
            complete(client)
        complete(client)
    assert gateway.allowed == ["0.000001000", "0.000009200", None]
    assert (inner.spent, outer.spent) == (Money(800), Money(1600))


def test_a_budget_is_its_own_clients_and_a_task_inherits_it() -> None:
    gateway, other_gateway = Gateway(), Gateway()

    async def run() -> Budget:
        async def slowly(request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(0)
            return gateway(request)

        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(slowly)) as http,
            httpx.AsyncClient(transport=httpx.MockTransport(other_gateway)) as other_http,
        ):
            client = tollway.AsyncTollway("tw_k", http_client=http)
            other = tollway.AsyncTollway("tw_k", http_client=other_http)
            with client.budget("0.00001") as budget:
                await asyncio.gather(
                    *(client.chat.complete(**HELLO, max_cost_usd="0.000002") for _ in range(5))
                )
                await other.chat.complete(**HELLO)
                greedy = asyncio.create_task(client.chat.complete(**HELLO))
                await asyncio.sleep(0)
                with pytest.raises(BudgetExceeded, match="give their max_cost_usd"):
                    await client.chat.complete(**HELLO)
                await greedy
            return budget

    budget = asyncio.run(run())
    assert other_gateway.allowed == [None]
    assert budget.spent == Money(6 * 800)


def test_a_thread_joins_a_budget_with_its_context() -> None:
    gateway = Gateway()
    with httpx.Client(transport=httpx.MockTransport(gateway)) as http, ThreadPoolExecutor(1) as pool:
        client = tollway.Tollway("tw_k", http_client=http)
        with client.budget("0.000002"):
            pool.submit(contextvars.copy_context().run, complete, client).result()
    assert gateway.allowed == ["0.000002000"]


@given(
    st.integers(1, 10_000), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5000), st.integers(0, 100)))
)
def test_what_runs_and_what_was_spent_never_exceed_the_limit(
    limit: int, steps: list[tuple[int, int, int]]
) -> None:
    budget = Budget(Money(limit), None)
    running: list[Hold] = []
    for step, wanted, share in steps:
        if step == 0 or not running:
            try:
                running.append(Hold([budget], Money(wanted)))
            except BudgetExceeded:
                assert budget.left == Money(0)
        else:
            hold = running.pop(0)
            cost = hold.max_cost.nanousd * share // 100
            hold.settle(None if step == 1 else cost, f"req_{wanted}" if step == 1 else None)
            hold.settle(10**9, None)  # a second time changes nothing
        held = sum(hold.max_cost.nanousd for hold in running)
        assert budget.spent.nanousd + held <= limit
        assert budget.left.nanousd == limit - held - budget.spent.nanousd >= 0
