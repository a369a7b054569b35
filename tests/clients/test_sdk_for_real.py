"""The SDK against the running gateway and the real model, sync and async, with what it says about money."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest
import tollway

from tests.fixtures.real import MODEL
from tests.fixtures.running import RunningGateway

Name = Callable[[], str]
QUESTION = [{"role": "user", "content": "Say hello."}]


def test_answer_receipt_credits_and_usage_agree(real: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with tollway.Tollway(real.account(name), real.url) as client:
        answer = client.chat.complete(model=MODEL, messages=QUESTION, max_tokens=8)
        with client.chat.stream(model=MODEL, messages=QUESTION, max_tokens=8) as stream:
            texts = list(stream.text_deltas())
            streamed = stream.final()
        assert answer.text
        assert "".join(texts) == streamed.text
        receipts = [client.receipts.get(each.request_id) for each in (answer, streamed)]
        assert [receipt.cost for receipt in receipts] == [answer.cost, streamed.cost]
        total = answer.cost + streamed.cost
        assert client.credits.get().settled_nanousd == total.nanousd
        for grouping in ("key", "model", "day"):
            rows = client.usage.list(group_by=grouping)  # type: ignore[arg-type]
            assert [row.cost for row in rows] == [total]
        assert [model.id for model in client.models.list()] == [MODEL]
    assert real.settled_up(name).settled_nanousd == total.nanousd


def test_the_same_with_asyncio(real: RunningGateway, fresh: Name) -> None:
    key = real.account(fresh())

    async def run() -> None:
        async with tollway.AsyncTollway(key, real.url) as client:
            answer = await client.chat.complete(model=MODEL, messages=QUESTION, max_tokens=8)
            async with await client.chat.stream(model=MODEL, messages=QUESTION, max_tokens=8) as stream:
                texts = [text async for text in stream.text_deltas()]
                streamed = await stream.final()
            assert "".join(texts) == streamed.text
            assert (await client.receipts.get(answer.request_id)).cost == answer.cost
            assert (await client.credits.get()).settled_nanousd == (answer.cost + streamed.cost).nanousd
            assert len(await client.usage.list()) == 1
            assert len(await client.models.list()) == 1

    asyncio.run(run())


def test_refusals_are_typed(real: RunningGateway, fresh: Name) -> None:
    with tollway.Tollway(real.account(fresh(), "0"), real.url) as client:
        with pytest.raises(tollway.InsufficientCredits) as broke:
            client.chat.complete(model=MODEL, messages=QUESTION)
        assert broke.value.needed
        assert broke.value.available == tollway.Money(0)
        assert broke.value.request_id
        with pytest.raises(tollway.NotFound):
            client.receipts.get("req_somebody_elses")
    with tollway.Tollway("tw_x", real.url) as stranger, pytest.raises(tollway.AuthenticationFailed):
        stranger.credits.get()


def test_leaving_a_stream_early_is_billed_for_what_came(real: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with tollway.Tollway(real.account(name), real.url) as client:
        long = [{"role": "user", "content": "Write a long story about a road."}]
        with client.chat.stream(model=MODEL, messages=long, max_tokens=2000) as stream:
            for _ in zip(range(5), stream.text_deltas(), strict=False):
                pass
            request_id = stream.request_id
    event = real.event(request_id)
    assert event.outcome == "client_gone"
    assert event.input_source == event.output_source == "worker", "llama.cpp was asked to count as it goes"
    assert 5 <= event.output_tokens < 1000
    assert event.input_tokens > 20
    assert (
        real.settled_up(name).settled_nanousd
        == event.cost_nanousd
        == event.input_tokens * 20 + event.output_tokens * 60
    )


@dataclass
class Greeting:
    language: Literal["English", "French"]
    words: list[str]


def test_an_answer_of_a_type(real: RunningGateway, fresh: Name) -> None:
    """llama.cpp lets the model write nothing but JSON of the schema, however small it is."""
    name = fresh()
    with tollway.Tollway(real.account(name), real.url) as client:
        answer = client.chat.parse(
            Greeting,
            model=MODEL,
            messages="Greet me in English, in two words.",
            max_tokens=400,
            temperature=0,
        )
        assert answer.value.language in {"English", "French"}
        assert all(isinstance(word, str) for word in answer.value.words)
        assert client.credits.get().settled_nanousd == answer.cost.nanousd
