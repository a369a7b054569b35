"""FIM and embeddings keep the promises of chat: how they can end, who pays, once per key, and what is refused."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.accounts.store import find_account
from gateway.credit.give import give
from gateway.kit.clock import now_us
from gateway.kit.money import format_usd
from gateway.metering.audit import audit
from gateway.metering.types import UsageEvent
from gateway.tokens.count import count_prompt
from gateway.tokens.open import open_vocabulary
from gateway.tokens.types import FimPrompt, Inputs
from tests.fixtures.offering import OfferingWorker, offering, prefix_of
from tests.fixtures.running import RunningGateway, eventually, free_port

Name = Callable[[], str]
Ask = dict[str, Any]
MODEL = "magistral-small-2509"
FIM, EMBEDDINGS = "/v1/fim/completions", "/v1/embeddings"


@pytest.fixture(scope="module")
def worker() -> Iterator[OfferingWorker]:
    with OfferingWorker(kind="vllm") as running:
        yield running


@pytest.fixture(scope="module")
def gateway(worker: OfferingWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("operations")
    with RunningGateway(folder, worker.url, price_book=offering(folder)) as running:
        yield running


def fim(script: str, **fields: Any) -> Ask:
    return {
        "path": FIM,
        "json": {"model": MODEL, "prompt": script, "suffix": "after", "max_tokens": 50, **fields},
    }


def embed(script: str, **fields: Any) -> Ask:
    return {"path": EMBEDDINGS, "json": {"model": MODEL, "input": [script, "second"], **fields}}


def post(api: httpx.Client, ask: Ask, **options: Any) -> httpx.Response:
    return api.post(ask["path"], json=ask["json"], **options)


def check(gateway: RunningGateway, name: str, *outcomes: str) -> list[UsageEvent]:
    """The account's events ended like this, nothing is held any more, and the audit finds no difference."""
    eventually(lambda: len(gateway.events(name)) >= len(outcomes), "every event is there")
    settled = gateway.settled_up(name).settled_nanousd
    found = gateway.events(name)
    assert [event.outcome for event in found] == list(outcomes)
    assert sum(event.cost_nanousd for event in found) == settled
    assert gateway.database.read_now(lambda conn: audit(conn, now_us())).differences == ()
    return found


EACH = [
    pytest.param(fim, {}, id="fim"),
    pytest.param(fim, {"stream": True}, id="fim-stream"),
    pytest.param(embed, {}, id="embeddings"),
]
WHOLE = [EACH[0], EACH[2]]


@pytest.mark.parametrize(("ask", "how"), EACH)
def test_completed(gateway: RunningGateway, fresh: Name, ask: Any, how: Ask) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = post(api, ask("ok tokens=9 prompt=7", **how))
        assert answer.status_code == 200, answer.text
        assert "x-tollway-max-tokens" not in answer.headers
    (event,) = check(gateway, name, "completed")
    output = 0 if ask is embed else 9
    assert (event.input_tokens, event.output_tokens, event.input_source) == (7, output, "worker")
    assert event.cost_nanousd == 7 * 200 + output * 600
    assert f'"cost_nanousd":{event.cost_nanousd}' in answer.text


def test_what_a_worker_gets(gateway: RunningGateway, worker: OfferingWorker, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        post(api, fim("ok", random_seed=4, stop=["\n"], temperature=0.1, max_cost_usd="0.01", echo=True))
        seen = worker.seen[-1]
        assert seen.path == "/v1/completions"
        assert prefix_of(seen.body.pop("prompt")) == "ok"
        assert len(seen.body.pop("cache_salt")) == 64
        assert seen.body == {"model": MODEL, "seed": 4, "stop": ["\n"], "temperature": 0.1, "max_tokens": 50}
        post(api, fim("ok", stream=True))
        assert worker.seen[-1].body["stream_options"] == {
            "include_usage": True,
            "continuous_usage_stats": True,
        }
        post(api, embed("ok", output_dimension=2, encoding_format="base64", output_dtype="float", user="u"))
        seen = worker.seen[-1]
    assert seen.path == EMBEDDINGS
    assert seen.body == {"model": MODEL, "input": ["ok", "second"], "dimensions": 2, "encoding_format": "base64", "user": "u"}  # fmt: skip


@pytest.mark.parametrize(("ask", "how"), EACH)
def test_the_client_left_before_anything_came(
    gateway: RunningGateway, worker: OfferingWorker, fresh: Name, ask: Any, how: Ask
) -> None:
    name = fresh()
    key = gateway.account(name)
    with gateway.api(key, connection="close") as api, pytest.raises(httpx.ReadTimeout):
        post(api, ask("hang", **how), timeout=0.3)
    (event,) = check(gateway, name, "client_gone")
    assert event.cost_nanousd == 0
    eventually(lambda: worker.seen[-1].cut, "the worker was stopped")


def test_the_client_left_mid_stream(gateway: RunningGateway, worker: OfferingWorker, fresh: Name) -> None:
    name = fresh()
    body = fim("ok tokens=500 delay=0.01 prompt=7", stream=True, max_tokens=500)["json"]
    with gateway.api(gateway.account(name)) as api, api.stream("POST", FIM, json=body) as answer:
        next(line for line in answer.iter_lines() if "tok" in line)
    (event,) = check(gateway, name, "client_gone")
    assert 0 < event.output_tokens < 500
    assert event.cost_nanousd == 7 * 200 + event.output_tokens * 600
    eventually(lambda: worker.seen[-1].cut, "the worker was stopped")


@pytest.mark.parametrize(("ask", "how"), EACH)
@pytest.mark.parametrize(
    ("script", "status", "outcome"),
    [
        ("bad_status status=400", 400, "worker_refused"),
        ("bad_status status=500", 502, "worker_failed"),
        ("drop", 502, "worker_failed"),
        ("rubbish", 502, "worker_failed"),
        ("hang", 504, "deadline"),
    ],
)
def test_a_worker_that_fails_is_free(
    gateway: RunningGateway,
    fresh: Name,
    ask: Any,
    how: Ask,
    script: str,
    status: int,
    outcome: str,
) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = post(api, ask(script, **how))
    assert answer.status_code == status
    (event,) = check(gateway, name, outcome)
    assert event.cost_nanousd == 0


@pytest.mark.parametrize("script", ["die after=3", "error after=3"])
def test_a_worker_that_dies_mid_stream_is_free(gateway: RunningGateway, fresh: Name, script: str) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = post(api, fim(script, stream=True))
    assert answer.status_code == 200
    assert '"content":"tok "' in answer.text
    assert '"code":"worker_failed"' in answer.text
    assert "[DONE]" not in answer.text
    (event,) = check(gateway, name, "worker_failed")
    assert event.cost_nanousd == 0


@pytest.mark.parametrize("bad", ["nobody", "nonsense"])
@pytest.mark.parametrize(("ask", "how"), EACH)
def test_another_worker_is_asked(
    worker: OfferingWorker, tmp_path: Path, fresh: Name, ask: Any, how: Ask, bad: str
) -> None:
    """Also where one of a model's workers answers with something else than what was asked for."""
    with _Elsewhere(kind="vllm") as elsewhere:
        other = f"http://127.0.0.1:{free_port()}={MODEL}" if bad == "nobody" else elsewhere.url
        with RunningGateway(tmp_path, other, worker.url, price_book=offering(tmp_path)) as gateway:
            name = fresh()
            with gateway.api(gateway.account(name)) as api:
                for _ in range(6):
                    assert post(api, ask("ok tokens=3", **how)).status_code == 200
            assert {event.worker for event in check(gateway, name, *["completed"] * 6)} == {worker.url}


class _Elsewhere(OfferingWorker):
    def script_of(self, body: Ask) -> str:
        return "rubbish"


def test_credit_that_ran_out_mid_stream(worker: OfferingWorker, tmp_path: Path, fresh: Name) -> None:
    name, script = fresh(), "ok tokens=2000 prompt=7 delay=0.002"
    options: Ask = {"stream_hold_tokens": 16, "price_book": offering(tmp_path)}
    with RunningGateway(tmp_path, worker.url, **options) as gateway:
        key = gateway.account(name, "0")
        prompt = count_prompt(FimPrompt(script, "after"), open_vocabulary("tekken-v13")).prompt_tokens
        top_up(gateway, name, prompt * 200 + 40 * 600)
        with gateway.api(key) as api:
            answer = post(api, fim(script, stream=True, max_tokens=2000))
        assert '"finish_reason":"length"' in answer.text
        assert answer.text.endswith("data: [DONE]\n\n")
        (event,) = check(gateway, name, "credit_ended")
        assert event.output_tokens == 40


def top_up(gateway: RunningGateway, name: str, nanousd: int) -> None:
    account = gateway.database.read_now(lambda conn: find_account(conn, name))
    gateway.database.write_now(lambda conn: give(conn, account.id, nanousd, kind="top_up", reason="test"))


@pytest.mark.parametrize("short_nanousd", [0, 1])
def test_an_embedding_needs_the_price_of_its_input_and_no_more(
    gateway: RunningGateway, fresh: Name, short_nanousd: int
) -> None:
    """To the nano-dollar, by the balance and by `max_cost_usd`; a token of answer, which costs $0.60, is not asked for."""
    name, script = fresh(), "ok prompt=3"
    count = count_prompt(Inputs((script, "second")), open_vocabulary("tekken-v13")).prompt_tokens
    key = gateway.account(name, "0")
    top_up(gateway, name, count * 200 - short_nanousd)
    with gateway.api(key) as api, gateway.api(gateway.account(fresh())) as rich:
        answer = post(api, embed(script))
        limit = format_usd(count * 200 - short_nanousd)
        limited = post(rich, embed(script, max_cost_usd=limit))
    if short_nanousd:
        assert (answer.status_code, answer.json()["code"]) == (402, "insufficient_credit")
        assert answer.json()["error"]["needed_nanousd"] == count * 200
        assert (limited.status_code, limited.json()["code"]) == (402, "max_cost_exceeded")
        assert limited.json()["error"]["needed_nanousd"] == count * 200
        check(gateway, name)
    else:
        assert (answer.status_code, limited.status_code) == (200, 200), answer.text
        check(gateway, name, "completed")


@pytest.mark.parametrize(("ask", "how"), EACH)
def test_a_repeated_idempotency_key(gateway: RunningGateway, fresh: Name, ask: Any, how: Ask) -> None:
    name = fresh()
    with gateway.api(gateway.account(name), **{"idempotency-key": "once"}) as api:
        first, second = (post(api, ask("ok tokens=4", **how)) for _ in range(2))
    assert first.text == second.text
    assert second.headers["idempotent-replayed"] == "true"
    check(gateway, name, "completed")


def test_one_body_for_two_operations_is_not_one_request(gateway: RunningGateway, fresh: Name) -> None:
    """Else an embedding would be answered with the chat that the same bytes asked for before."""
    name = fresh()
    body = {
        "model": MODEL,
        "prompt": "ok",
        "input": "ok",
        "messages": [{"role": "user", "content": "ok"}],
        "max_tokens": 5,
    }
    with gateway.api(gateway.account(name), **{"idempotency-key": "once"}) as api:
        answers = [api.post(path, json=body) for path in (FIM, EMBEDDINGS, "/v1/chat/completions")]
    assert answers[0].status_code == 200
    assert all(answer.status_code in {400, 409} for answer in answers[1:])
    check(gateway, name, "completed")


def test_a_worker_of_embeddings_alone_is_listed_and_probed_with_one(tmp_path: Path, fresh: Name) -> None:
    book = offering(tmp_path)
    text = book.read_text().replace("fim = true\nembeddings", "chat = false\nembeddings", 1)
    book.write_text(text)
    with _EmbedsOnly(kind="vllm") as alone, RunningGateway(tmp_path, alone.url, price_book=book) as gateway:  # noqa: SIM117
        with gateway.api(gateway.account(fresh())) as api, gateway.api(gateway.operator()) as admin:
            assert [card["id"] for card in api.get("/v1/models").json()["data"]] == [MODEL]
            alone.mood = "bad_status status=500"
            for _ in range(3):
                assert post(api, embed("x")).status_code == 502
            out = lambda: admin.get("/admin/v1/workers").json()["data"][0]["out"]  # noqa: E731
            assert out()
            alone.mood = "ok"
            eventually(lambda: not out(), "a probe found it well again")


class _EmbedsOnly(OfferingWorker):
    mood = "ok"

    def script_of(self, body: Ask) -> str:
        return self.mood if "input" in body else "bad_status status=400"
