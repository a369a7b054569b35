"""A Magistral on a GPU behind the gateway: `transformers serve`, streamed, billed, cut.

It does not say what it is (`owned_by` is the model's author), so the gateway takes it for "anything compatible".  It
reports prompt and completion tokens on the last chunk alone, and thoughts as text: those are billed by its word, the
thoughts by our count, and a stream that was cut by our count of what came through.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gateway.kit.clock import now_us
from gateway.metering.audit import audit
from gateway.metering.store import sum_drift
from tests.fixtures.running import RunningGateway, eventually
from tests.gpu.checkpoint import ANSWER, ENDLESS, MARKS, REPLY_TOKENS, REPOSITORY, THOUGHT
from tests.gpu.conftest import FIGURES, WHY_NOT
from tests.gpu.figures import Way, measure, table, write_report
from tests.gpu.machine import DEVICE, Machine, find_machine
from tests.gpu.serve import TransformersServer
from tests.tokens.pictures import data_url, encoded

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(480)]
Name = Callable[[], str]
MODEL = "magistral-small-2509"
CHAT = "/v1/chat/completions"
HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "Bonjour à tous, how are you today? 你好"}]}
SEEN = 25
"""Chunks with a word that a client reads before it leaves."""
ENDLESS_TOKENS = 20_000


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest) -> Machine:
    found = find_machine()
    if found.why_not:
        request.config.stash[WHY_NOT] = found.why_not
        pytest.skip(f"NOT TESTED ON A GPU: missing {', '.join(found.missing)}")
    return found


@pytest.fixture(scope="module")
def worker(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformersServer]:
    server = TransformersServer(tmp_path_factory.mktemp("transformers"), machine)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def gateway(worker: TransformersServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    patient = {"first_byte_timeout_s": 120.0, "chunk_gap_s_max": 60.0, "audit_share": 1.0}
    with RunningGateway(tmp_path_factory.mktemp("gateway"), worker.url, **patient) as running:
        yield running


def body(case: dict[str, Any] = HELLO, **fields: Any) -> dict[str, Any]:
    """Without the reasoning prompt, which the little model has not learnt."""
    return {"model": MODEL, "max_tokens": 100, "temperature": 0, "prompt_mode": None, **case, **fields}


def read_stream(text: str) -> tuple[str, str, dict[str, Any]]:
    """The answer, the thoughts and the usage of a whole stream."""
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    (usage,) = [event["usage"] for event in events if event.get("usage")]
    answer = "".join(delta.get("content") or "" for delta in deltas)
    return answer, "".join(delta.get("reasoning_content") or "" for delta in deltas), usage


def check_bill(gateway: RunningGateway, answer: httpx.Response, usage: dict[str, Any]) -> None:
    """Worker, client, event and receipt name the same numbers."""
    event = gateway.event(answer.headers["x-request-id"])
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (event.input_tokens, event.output_tokens)
    assert (event.input_source, event.output_source) == ("worker", "worker")
    assert event.output_tokens == REPLY_TOKENS
    assert event.output_reasoning_tokens == len(THOUGHT.split())
    assert event.outcome == "completed"


def test_it_is_found_by_its_name_on_the_hub(gateway: RunningGateway) -> None:
    with gateway.api(gateway.operator()) as admin:
        (found,) = admin.get("/admin/v1/workers").json()["data"]
    assert (found["kind"], found["models"]) == ("openai", {MODEL: REPOSITORY})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_answer_is_billed_by_the_workers_usage(
    gateway: RunningGateway, fresh: Name, *, stream: bool
) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        answer = api.post(CHAT, json=body(**options), timeout=120)
        assert answer.status_code == httpx.codes.OK, answer.text
        if stream:
            text, thoughts, usage = read_stream(answer.text)
        else:
            message, usage = answer.json()["choices"][0]["message"], answer.json()["usage"]
            text, thoughts = message["content"], message["reasoning_content"]
        receipt = api.get(f"/v1/receipts/{answer.headers['x-request-id']}").json()
        counted = api.post("/v1/tokenize", json=body()).json()
    assert (text.strip(), thoughts.strip()) == (ANSWER.strip(), THOUGHT.strip())
    check_bill(gateway, answer, usage)
    assert usage["prompt_tokens"] == counted["prompt_tokens"] == receipt["usage"]["input_tokens"]
    assert receipt["usage"]["output_tokens"] == REPLY_TOKENS
    assert gateway.settled_up(name).settled_nanousd == 200 * usage["prompt_tokens"] + 600 * REPLY_TOKENS


def test_thoughts_reach_a_mistral_client_in_its_own_dialect(gateway: RunningGateway, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh()), **{"user-agent": "mistral-client-python/3.7.0"}) as api:
        thoughts, answer = api.post(CHAT, json=body(), timeout=60).json()["choices"][0]["message"]["content"]
    assert thoughts["thinking"][0]["text"].strip() == THOUGHT.strip()
    assert answer["text"].strip() == ANSWER.strip()


def test_pictures_are_counted_as_the_worker_counts_them(
    machine: Machine, gateway: RunningGateway, fresh: Name, request: pytest.FixtureRequest
) -> None:
    if machine.no_pictures:
        why = f"pictures are not tested: {machine.python}: {machine.no_pictures}"
        request.config.stash[WHY_NOT] = why
        pytest.skip(why)
    pictures = [
        {"type": "image_url", "image_url": {"url": data_url(encoded("PNG", width, height))}}
        for width, height in ((224, 224), (640, 480), (1, 1))
    ]
    case = {"messages": [{"role": "user", "content": [{"type": "text", "text": "And these?"}, *pictures]}]}
    with gateway.api(gateway.account(fresh())) as api:
        answer = api.post(CHAT, json=body(case), timeout=120)
        assert answer.status_code == httpx.codes.OK, answer.text
        counted = api.post("/v1/tokenize", json=body(case)).json()
    check_bill(gateway, answer, answer.json()["usage"])
    assert answer.json()["usage"]["prompt_tokens"] == counted["prompt_tokens"]
    assert gateway.event(answer.headers["x-request-id"]).input_image_tokens == counted["image_tokens"] > 0


def test_a_client_that_leaves_stops_the_worker_and_pays_what_came(
    gateway: RunningGateway, worker: TransformersServer, fresh: Name
) -> None:
    before = len(worker.ends())
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        endless = body(stream=True, **ENDLESS | {"max_tokens": ENDLESS_TOKENS})
        with api.stream("POST", CHAT, json=endless, timeout=120) as answer:
            words = (line for line in answer.iter_lines() if 'content":"' in line)  # reasoning_content, too
            for _ in range(SEEN):
                next(words)
        event = gateway.event(answer.headers["x-request-id"])
        eventually(lambda: len(worker.ends()) > before, "the thread that generates gave up", 5)
        ((how, generated),) = worker.ends()[before:]
        print(f"seen {SEEN}, billed {event.output_tokens}, generated {generated} of {ENDLESS_TOKENS}")
        assert (event.outcome, event.output_source, how) == ("client_gone", "counted", "stopped")
        assert SEEN <= event.output_tokens <= generated - MARKS < ENDLESS_TOKENS
        cost = 200 * event.input_tokens + 600 * event.output_tokens
        assert gateway.settled_up(name).settled_nanousd == cost
        receipt = api.get(f"/v1/receipts/{event.request_id}").json()
        assert receipt["usage"]["output_tokens"] == event.output_tokens
        # It generates one stream at a time: an answer now is one more proof that the other is over.
        assert api.post(CHAT, json=body(), timeout=20).json()["usage"]["completion_tokens"] == REPLY_TOKENS


def test_what_the_way_through_the_gateway_costs(
    machine: Machine,
    gateway: RunningGateway,
    worker: TransformersServer,
    fresh: Name,
    request: pytest.FixtureRequest,
) -> None:
    with (
        httpx.Client(base_url=worker.url, timeout=120, trust_env=False) as direct,
        gateway.api(gateway.account(fresh(), "5")) as through,
    ):
        found = measure(Way(direct, REPOSITORY), Way(through, MODEL, prompt_mode=None))
    request.config.stash[FIGURES] = table(machine, found)
    write_report(machine, found)
    assert (machine.device != "CPU, no GPU") == DEVICE.startswith("cuda")
    assert min(found["direct"]["tokens_per_s"], found["through"]["tokens_per_s"]) > 1


def test_the_books_add_up_and_the_counts_agree(gateway: RunningGateway, fresh: Name) -> None:
    """Its completion tokens have the end of the sequence and a thought's two markers, which are no text."""
    with gateway.api(gateway.account(fresh())) as api:
        api.post(CHAT, json=body(), timeout=60)
    report = gateway.database.read_now(lambda conn: audit(conn, now_us()))
    assert report.events > 0 and report.differences == ()
    eventually(lambda: bool(gateway.database.read_now(sum_drift)), "the samples are counted")
    (row,) = gateway.database.read_now(sum_drift)
    assert row.samples > 0
    assert row.input_drift_tokens == 0
    assert row.output_drift_max == MARKS + 1
