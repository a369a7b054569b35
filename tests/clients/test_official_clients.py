"""P6: the official Python clients, base URL changed and nothing else, against the real llama.cpp worker."""

from collections.abc import Callable

import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from gateway.kit.money import parse_usd
from tests.fixtures.real import MODEL
from tests.fixtures.running import RunningGateway

Name = Callable[[], str]
QUESTION = [{"role": "user", "content": "Say hello."}]


@pytest.fixture
def named(real: RunningGateway, fresh: Name) -> tuple[str, str]:
    """The name of a new account, and a key for it."""
    name = fresh()
    return name, real.account(name)


def openai_client(real: RunningGateway, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{real.url}/v1", api_key=key)


def mistral_client(real: RunningGateway, key: str) -> Mistral:
    return Mistral(server_url=real.url, api_key=key)


class TestOpenAI:
    def test_whole(self, real: RunningGateway, named: tuple[str, str]) -> None:
        name, key = named
        with openai_client(real, key) as client:
            answer = client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=8)
        assert answer.choices[0].message.content
        assert answer.usage is not None
        usage = answer.usage.model_dump()
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
        assert usage["cost_nanousd"] == answer.usage.prompt_tokens * 20 + answer.usage.completion_tokens * 60
        assert parse_usd(usage["cost_usd"]) == usage["cost_nanousd"]
        assert real.settled_up(name).settled_nanousd == usage["cost_nanousd"]
        assert answer._request_id is not None
        assert answer._request_id.startswith("req_")

    def test_streamed(self, real: RunningGateway, named: tuple[str, str]) -> None:
        name, key = named
        with openai_client(real, key) as client:
            chunks = list(
                client.chat.completions.create(
                    model=MODEL,
                    messages=QUESTION,
                    max_tokens=8,
                    stream=True,
                    stream_options={"include_usage": True},
                )
            )
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] in {"stop", "length"}
        assert chunks[-1].usage is not None
        assert real.settled_up(name).settled_nanousd == chunks[-1].usage.model_dump()["cost_nanousd"] > 0

    def test_streamed_without_asking_for_usage(self, real: RunningGateway, named: tuple[str, str]) -> None:
        name, key = named
        with openai_client(real, key) as client:
            chunks = list(
                client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=8, stream=True)
            )
        assert all(chunk.usage is None and chunk.choices for chunk in chunks)
        assert real.settled_up(name).settled_nanousd > 0

    def test_models(self, real: RunningGateway, named: tuple[str, str]) -> None:
        with openai_client(real, named[1]) as client:
            assert [model.id for model in client.models.list()] == [MODEL]
            assert client.models.retrieve(MODEL).owned_by == "HuggingFaceTB"

    def test_errors_arrive_as_its_own(self, real: RunningGateway, named: tuple[str, str]) -> None:
        with openai_client(real, named[1]) as client:
            with pytest.raises(openai.NotFoundError) as unknown:
                client.chat.completions.create(model="gpt-9", messages=QUESTION)
            assert unknown.value.code == "model_not_found"
            assert unknown.value.request_id
            with pytest.raises(openai.BadRequestError) as bad:
                client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=-1)
            assert bad.value.param == "max_tokens"
        with openai_client(real, "tw_wrong") as stranger, pytest.raises(openai.AuthenticationError):
            stranger.models.list()


class TestMistral:
    def test_whole(self, real: RunningGateway, named: tuple[str, str]) -> None:
        name, key = named
        with mistral_client(real, key) as client:
            answer = client.chat.complete(model=MODEL, messages=QUESTION, max_tokens=8, random_seed=1)
        assert answer.choices[0].message.content
        usage = answer.usage.model_dump()
        assert usage["cost_nanousd"] == usage["prompt_tokens"] * 20 + usage["completion_tokens"] * 60
        assert real.settled_up(name).settled_nanousd == usage["cost_nanousd"]

    def test_streamed(self, real: RunningGateway, named: tuple[str, str]) -> None:
        name, key = named
        with (
            mistral_client(real, key) as client,
            client.chat.stream(model=MODEL, messages=QUESTION, max_tokens=8) as stream,
        ):
            chunks = [event.data for event in stream]
        assert "".join(str(chunk.choices[0].delta.content) for chunk in chunks)
        assert [chunk.usage is not None and chunk.usage.total_tokens != 0 for chunk in chunks[:-1]] == [
            False
        ] * (len(chunks) - 1)
        assert chunks[-1].choices[0].finish_reason in {"stop", "length"}
        assert chunks[-1].usage is not None
        assert real.settled_up(name).settled_nanousd == chunks[-1].usage.model_dump()["cost_nanousd"] > 0

    def test_models(self, real: RunningGateway, named: tuple[str, str]) -> None:
        with mistral_client(real, named[1]) as client:
            cards = client.models.list().data
            assert [card.id for card in cards or ()] == [MODEL]
            assert client.models.retrieve(model_id=MODEL).max_context_length == 8192

    def test_errors_arrive_as_its_own(self, real: RunningGateway, named: tuple[str, str]) -> None:
        with mistral_client(real, named[1]) as client, pytest.raises(SDKError) as unknown:
            client.chat.complete(model="gpt-9", messages=QUESTION)
        assert unknown.value.status_code == 404
        assert "model_not_found" in unknown.value.body
