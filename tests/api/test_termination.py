"""docs/termination.md, row by row: what the client sees, what is billed, and that the books agree afterwards.

Rows that another file drives already are named in the table; here they are only held together.
"""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.accounts.store import find_account
from gateway.kit.clock import now_us
from gateway.metering.audit import audit
from gateway.metering.types import UsageEvent
from tests.fixtures.running import RunningGateway, chat, eventually, free_port
from tests.fixtures.scripted import ScriptedWorker

ROOT = Path(__file__).parents[2]
PATH = "/v1/chat/completions"
Name = Callable[[], str]
MISTRAL = {"user-agent": "mistral-client-python/3.7"}


@pytest.fixture(scope="module")
def stepping(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway that holds streams sixteen tokens at a time."""
    folder = tmp_path_factory.mktemp("steps")
    with RunningGateway(folder, worker.url, stream_hold_tokens=16, request_deadline_s=2) as running:
        yield running


def check(gateway: RunningGateway, name: str, *outcomes: str) -> list[UsageEvent]:
    """The account's events ended like this, nothing is held any more, and the audit finds no difference."""
    eventually(lambda: len(gateway.events(name)) >= len(outcomes), "every event is there")
    settled = gateway.settled_up(name).settled_nanousd
    found = gateway.events(name)
    assert [event.outcome for event in found] == list(outcomes)
    assert sum(event.cost_nanousd for event in found) == settled
    assert gateway.database.read_now(lambda conn: audit(conn, now_us())).differences == ()
    return found


def cost(event: UsageEvent) -> int:
    return event.input_tokens * 200 + event.output_tokens * 600


@pytest.mark.parametrize("stream", [False, True])
def test_completed(gateway: RunningGateway, fresh: Name, stream: bool) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        assert api.post(PATH, json=chat("ok tokens=9", stream=stream)).status_code == 200
    (event,) = check(gateway, name, "completed")
    assert (event.output_tokens, event.cost_nanousd) == (9, cost(event))


def test_client_left_mid_stream(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        body = chat("ok tokens=500 delay=0.01", stream=True, max_tokens=500)
        with api.stream("POST", PATH, json=body) as answer:
            next(line for line in answer.iter_lines() if "tok" in line)
    (event,) = check(gateway, name, "client_gone")
    assert 0 < event.output_tokens < 500
    assert event.cost_nanousd == cost(event)


@pytest.mark.parametrize("stream", [False, True])
def test_client_left_before_the_first_token(gateway: RunningGateway, fresh: Name, stream: bool) -> None:
    name = fresh()
    key = gateway.account(name)
    with gateway.api(key, connection="close") as api, pytest.raises(httpx.ReadTimeout):
        api.post(PATH, json=chat("hang", stream=stream), timeout=0.3)
    (event,) = check(gateway, name, "client_gone")
    assert event.cost_nanousd == 0


def test_upstream_failed_before_the_first_byte_and_another_answered(
    worker: ScriptedWorker, tmp_path: Path, fresh: Name
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}=magistral-small-2509"
    with RunningGateway(tmp_path, nobody, worker.url) as gateway:
        name = fresh()
        with gateway.api(gateway.account(name)) as api:
            assert api.post(PATH, json=chat("ok tokens=3")).status_code == 200
        (event,) = check(gateway, name, "completed")
        assert (event.worker, event.cost_nanousd) == (worker.url, cost(event))


@pytest.mark.parametrize("status", [400, 500])
def test_upstream_failed_before_the_first_byte(gateway: RunningGateway, fresh: Name, status: int) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post(PATH, json=chat(f"bad_status status={status}"))
    assert answer.status_code == (400 if status == 400 else 502)
    (event,) = check(gateway, name, "worker_refused" if status == 400 else "worker_failed")
    assert event.cost_nanousd == 0


def test_upstream_failed_mid_stream(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        answer = api.post(PATH, json=chat("die after=3", stream=True))
    assert answer.status_code == 200
    assert '"code":"worker_failed"' in answer.text
    assert "[DONE]" not in answer.text
    (event,) = check(gateway, name, "worker_failed")
    assert event.cost_nanousd == 0


def test_our_deadline_passed(stepping: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with stepping.api(stepping.account(name)) as api:
        answer = api.post(PATH, json=chat("ok tokens=1000 delay=0.05", stream=True, max_tokens=1000))
    assert '"code":"worker_timed_out"' in answer.text
    (event,) = check(stepping, name, "deadline")
    assert event.cost_nanousd == 0


@pytest.mark.parametrize("headers", [{}, MISTRAL], ids=["openai", "mistral"])
def test_credit_ran_out_mid_stream(
    stepping: RunningGateway, worker: ScriptedWorker, fresh: Name, headers: dict[str, str]
) -> None:
    """Forty tokens of answer are affordable, two thousand are written: the stream ends properly, at the last of them."""
    name, text = fresh(), "ok tokens=2000 prompt=10 delay=0.002"
    key = stepping.account(name, "0")
    with stepping.api(key, **headers) as api:
        prompt = api.post("/v1/tokenize", json=chat(text)).json()["prompt_tokens"]
        _top_up(stepping, name, prompt * 200 + 40 * 600)
        body = chat(text, stream=True, max_tokens=2000, stream_options={"include_usage": True})
        answer = api.post(PATH, json=body)
    assert answer.status_code == 200
    assert '"finish_reason":"length"' in answer.text
    assert '"outcome":"credit_ended"' in answer.text
    assert ": the answer was cut short" in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    eventually(lambda: worker.seen[-1].cut, "the worker was stopped")
    (event,) = check(stepping, name, "credit_ended")
    assert event.output_tokens == 40
    assert event.cost_nanousd == cost(event) <= event.held_nanousd
    assert 0 <= stepping.balance(name).available_nanousd < prompt * 200 + 600


def _top_up(gateway: RunningGateway, name: str, nanousd: int) -> None:
    from gateway.credit.give import give

    account = gateway.database.read_now(lambda conn: find_account(conn, name))
    gateway.database.write_now(lambda conn: give(conn, account.id, nanousd, kind="top_up", reason="test"))


def test_credit_that_comes_while_a_stream_runs_carries_it_on(stepping: RunningGateway, fresh: Name) -> None:
    name, text = fresh(), "ok tokens=100 prompt=10 delay=0.01"
    key = stepping.account(name, "0")
    with stepping.api(key) as api:
        prompt = api.post("/v1/tokenize", json=chat(text)).json()["prompt_tokens"]
        _top_up(stepping, name, prompt * 200 + 40 * 600)
        later = threading.Timer(0.15, _top_up, (stepping, name, 100 * 600))
        later.start()
        answer = api.post(PATH, json=chat(text, stream=True, max_tokens=100))
        later.join()
    assert '"finish_reason":"stop"' in answer.text
    (event,) = check(stepping, name, "completed")
    assert event.output_tokens == 100


def test_empty_answer(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        assert api.post(PATH, json=chat("ok tokens=0")).status_code == 200
    (event,) = check(gateway, name, "empty")
    assert event.cost_nanousd == 0


REFUSED: list[tuple[int, dict[str, Any], str]] = [
    (400, {"messages": []}, "1"),
    (402, {}, "0"),
    (402, {"max_cost_usd": "0.000000001"}, "1"),
    (404, {"model": "gpt-5"}, "1"),
]


@pytest.mark.parametrize(("status", "fields", "usd"), REFUSED)
def test_refused(gateway: RunningGateway, fresh: Name, status: int, fields: dict[str, Any], usd: str) -> None:
    name = fresh()
    with gateway.api(gateway.account(name, usd)) as api:
        answer = api.post(PATH, json=chat("ok", **fields))
    assert answer.status_code == status
    assert {"message", "type", "param", "code", "request_id"} <= set(answer.json()["error"])
    assert check(gateway, name) == []


def test_repeated_idempotency_key(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with gateway.api(gateway.account(name), **{"idempotency-key": "once"}) as api:
        first, second = (api.post(PATH, json=chat("ok tokens=4", stream=True)) for _ in range(2))
    assert first.text == second.text
    assert second.headers["idempotent-replayed"] == "true"
    check(gateway, name, "completed")


def test_every_row_of_the_table_has_its_test() -> None:
    page = (ROOT / "docs/termination.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) >= 18
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), f"{file} has no {test}"
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| end")]
    assert all("::" in row for row in rows), "a row without a test is a promise without one"
