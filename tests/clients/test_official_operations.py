"""P6 for FIM and embeddings: the official Python clients against real llama.cpp workers."""

from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from gateway.workers.embedded import EmbeddedWorker
from tests.fixtures.offering import offering
from tests.fixtures.real import MODEL, require_embedded
from tests.fixtures.running import RunningGateway
from tests.fixtures.tiny_model import REPLY, tiny_model

Name = Callable[[], str]
CODE_MODEL = "magistral-small-2509"
"""Played by the tiny model with Mistral's vocabulary; embeddings come from SmolLM2, whose worker counts them."""
DIMENSIONS = 576
"""Of SmolLM2-135M."""


@pytest.fixture(scope="module")
def offers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    require_embedded()
    folder = tmp_path_factory.mktemp("offers")
    patient = {"first_byte_timeout_s": 60.0, "chunk_gap_s_max": 60.0}
    with (
        EmbeddedWorker(tiny_model("v13").path, CODE_MODEL) as code,
        EmbeddedWorker(None, MODEL, 0, "--embeddings") as text,
        RunningGateway(folder, code.url, text.url, price_book=offering(folder), **patient) as gateway,
    ):
        yield gateway


def bill(usage: Any) -> int:
    return int(usage.model_dump()["cost_nanousd"])


class TestMistral:
    def test_fim(self, offers: RunningGateway, fresh: Name) -> None:
        name = fresh()
        with Mistral(server_url=offers.url, api_key=offers.account(name)) as client:
            answer = client.fim.complete(
                model=CODE_MODEL,
                prompt="Hello",
                suffix="\n# end",
                temperature=0,
                random_seed=1,
                max_tokens=40,
            )
        assert answer.choices[0].message is not None
        assert f"Hello{answer.choices[0].message.content}" == REPLY
        usage = answer.usage
        assert bill(usage) == usage.prompt_tokens * 200 + usage.completion_tokens * 600
        assert offers.settled_up(name).settled_nanousd == bill(usage)

    def test_fim_streamed(self, offers: RunningGateway, fresh: Name) -> None:
        name = fresh()
        with (
            Mistral(server_url=offers.url, api_key=offers.account(name)) as client,
            client.fim.stream(model=CODE_MODEL, prompt="Hello", suffix="\n# end", temperature=0) as stream,
        ):
            chunks = [event.data for event in stream]
        assert "Hello" + "".join(str(chunk.choices[0].delta.content) for chunk in chunks) == REPLY
        assert chunks[-1].choices[0].finish_reason == "stop"
        assert chunks[-1].usage is not None
        assert offers.settled_up(name).settled_nanousd == bill(chunks[-1].usage) > 0

    def test_embeddings(self, offers: RunningGateway, fresh: Name) -> None:
        name = fresh()
        with Mistral(server_url=offers.url, api_key=offers.account(name)) as client:
            answer = client.embeddings.create(model=MODEL, inputs=["Hello", "Hello world"])
        assert [item.index for item in answer.data] == [0, 1]
        assert [len(item.embedding or ()) for item in answer.data] == [DIMENSIONS] * 2
        assert bill(answer.usage) == answer.usage.prompt_tokens * 20 > 0
        assert offers.settled_up(name).settled_nanousd == bill(answer.usage)

    def test_errors_arrive_as_its_own(self, offers: RunningGateway, fresh: Name) -> None:
        with Mistral(server_url=offers.url, api_key=offers.account(fresh(), "0")) as client:
            with pytest.raises(SDKError) as poor:
                client.embeddings.create(model=MODEL, inputs="Hello")
            assert poor.value.status_code == 402
            with pytest.raises(SDKError) as unable:
                client.fim.complete(model=MODEL, prompt="Hello")
            assert unable.value.status_code == 400
            assert "tokenizer" in unable.value.body

    def test_the_cards(self, offers: RunningGateway, fresh: Name) -> None:
        with Mistral(server_url=offers.url, api_key=offers.account(fresh())) as client:
            card = client.models.retrieve(model_id=CODE_MODEL)
        assert card.capabilities.completion_chat
        assert card.capabilities.completion_fim


class TestOpenAI:
    def test_embeddings(self, offers: RunningGateway, fresh: Name) -> None:
        """It asks for base64 unless told otherwise, and unpacks it."""
        name = fresh()
        with openai.OpenAI(base_url=f"{offers.url}/v1", api_key=offers.account(name)) as client:
            packed = client.embeddings.create(model=MODEL, input=["Hello", "Hello world"])
            floats = client.embeddings.create(
                model=MODEL, input=["Hello", "Hello world"], encoding_format="float"
            )
        for one, other in zip(packed.data, floats.data, strict=True):
            assert len(one.embedding) == DIMENSIONS
            assert one.embedding == pytest.approx(other.embedding, abs=1e-5)
        assert bill(packed.usage) == bill(floats.usage) == packed.usage.prompt_tokens * 20
        assert offers.settled_up(name).settled_nanousd == 2 * bill(packed.usage)

    def test_token_ids(self, offers: RunningGateway, fresh: Name) -> None:
        with openai.OpenAI(base_url=f"{offers.url}/v1", api_key=offers.account(fresh())) as client:
            one = client.embeddings.create(model=MODEL, input=[1, 2, 3])
            two = client.embeddings.create(model=MODEL, input=[[1, 2, 3], [4]])
        assert (len(one.data), one.usage.prompt_tokens) == (1, 3)
        assert (len(two.data), two.usage.prompt_tokens) == (2, 4)
        assert two.data[0].embedding == pytest.approx(one.data[0].embedding, abs=1e-4)

    def test_errors_arrive_as_its_own(self, offers: RunningGateway, fresh: Name) -> None:
        with openai.OpenAI(base_url=f"{offers.url}/v1", api_key=offers.account(fresh())) as client:
            with pytest.raises(openai.BadRequestError) as empty:
                client.embeddings.create(model=MODEL, input=["x", ""])
            assert empty.value.param == "input[1]"
            with pytest.raises(openai.NotFoundError):
                client.embeddings.create(model="text-embedding-9", input="x")
