"""`Idempotency-Key`: the first answer again, or 409 while it runs; billed once."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.kit.db import Database
from gateway.replay import store
from gateway.replay.types import Claim, Stored
from tests.fixtures.ledger import Books
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]
CHAT = "/v1/chat/completions"


@pytest.mark.parametrize("stream", [False, True])
def test_a_repeated_request_gets_the_first_answer(
    gateway: RunningGateway, worker: ScriptedWorker, fresh: Name, stream: bool
) -> None:
    name = fresh()
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    with gateway.api(gateway.account(name), **{"idempotency-key": "k1"}) as api:
        first = api.post(CHAT, json=chat("ok", **options))
        asked = len(worker.seen)
        again = [api.post(CHAT, json=chat("ok", **options)) for _ in range(3)]
        assert len(worker.seen) == asked, "nobody worked twice"
        for answer in again:
            assert answer.content == first.content
            assert answer.headers["content-type"] == first.headers["content-type"]
            assert answer.headers["idempotent-replayed"] == "true"
            assert answer.headers["x-request-id"] == first.headers["x-request-id"], (
                "so that its receipt is found"
            )
        receipt = api.get(f"/v1/receipts/{again[0].headers['x-request-id']}").json()
        assert api.get("/v1/usage").json()["data"][0]["requests"] == 1
    assert gateway.settled_up(name).settled_nanousd == receipt["cost_nanousd"] > 0


def test_while_the_first_runs_the_second_is_told_so(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    key = gateway.account(name)
    answers: list[httpx.Response] = []

    def ask() -> None:
        with gateway.api(key, **{"idempotency-key": "k"}) as api:
            answers.append(api.post(CHAT, json=chat("ok tokens=20 delay=0.03", stream=True)))

    first = threading.Thread(target=ask)
    first.start()
    eventually(lambda: gateway.balance(name).held_nanousd > 0, "the first runs")
    ask()
    assert (answers[0].status_code, answers[0].json()["code"]) == (409, "idempotency_in_progress")
    assert answers[0].headers["retry-after"] == "1"
    first.join()
    ask()
    assert [answer.status_code for answer in answers] == [409, 200, 200]
    assert answers[1].content == answers[2].content
    gateway.settled_up(name)


def test_the_same_key_with_another_body_or_account(gateway: RunningGateway, fresh: Name) -> None:
    header = {"idempotency-key": "shared"}
    with (
        gateway.api(gateway.account(fresh()), **header) as mine,
        gateway.api(gateway.account(fresh()), **header) as theirs,
    ):
        first = mine.post(CHAT, json=chat("ok"))
        other = mine.post(CHAT, json=chat("ok", max_tokens=9))
        assert (other.status_code, other.json()["code"]) == (400, "idempotency_key_reused")
        stranger = theirs.post(CHAT, json=chat("ok"))
        assert stranger.status_code == 200
        assert stranger.headers["x-request-id"] != first.headers["x-request-id"], (
            "a key is its account's alone"
        )


@pytest.mark.parametrize("script", ["bad_status status=500", "die after=2", "bad_status status=400"])
def test_a_failure_is_not_kept(
    gateway: RunningGateway, worker: ScriptedWorker, fresh: Name, script: str
) -> None:
    name = fresh()
    with gateway.api(gateway.account(name), **{"idempotency-key": "k"}) as api:
        for _ in range(2):
            asked = len(worker.seen)
            free = lambda: api.post(CHAT, json=chat(script, stream=True)).status_code != 409  # noqa: E731
            eventually(free, "the key is free again")
            assert len(worker.seen) == asked + 1, "asking again asks again"
    assert gateway.settled_up(name).settled_nanousd == 0


def test_no_credit_is_not_kept_either(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with gateway.api(gateway.account(name, "0"), **{"idempotency-key": "k"}) as api:
        assert api.post(CHAT, json=chat("ok")).status_code == 402
        with gateway.api(gateway.operator()) as admin:
            admin.post(f"/admin/v1/accounts/{name}/grants", json={"amount_usd": "1"})
        assert api.post(CHAT, json=chat("ok")).status_code == 200


def test_an_answer_that_was_left_half_way_is_not_kept(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    body = chat("ok tokens=40 delay=0.01", stream=True)
    with gateway.api(gateway.account(name), **{"idempotency-key": "k"}) as api:
        with api.stream("POST", CHAT, json=body) as answer:
            lines = answer.iter_lines()  # held on to: an iterator that is dropped closes the connection
            next(lines)
        gateway.event(answer.headers["x-request-id"])
        eventually(lambda: api.post(CHAT, json=body).status_code == 200, "the key is free again")
    gateway.settled_up(name)


@pytest.mark.parametrize("key", ["x" * 256, "tab\there"])
def test_a_key_that_cannot_be_kept(gateway: RunningGateway, fresh: Name, key: str) -> None:
    with gateway.api(gateway.account(fresh()), **{"idempotency-key": key}) as api:
        answer = api.post(CHAT, json=chat("ok"))
    assert answer.status_code == 400
    assert answer.json()["param"] == "Idempotency-Key"


def test_a_long_answer_is_billed_but_not_kept(
    gateway: RunningGateway, fresh: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.inference.repeat.KEPT_BYTES_MAX", 100)
    with gateway.api(gateway.account(fresh()), **{"idempotency-key": "k"}) as api:
        first, second = (api.post(CHAT, json=chat("ok")) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


class TestStore:
    def claim(self, account: str, request_id: str, expires_us: int = 100) -> Claim:
        return Claim(
            account_id=account, key="k", body_sha256="h", request_id=request_id, expires_us=expires_us
        )

    def test_a_dead_processes_claim_is_taken_over(self, database: Database) -> None:
        with contextlib.closing(Books(database)) as books:
            account, _ = books.account(1)
        first, second = self.claim(account, "r1"), self.claim(account, "r2", 300)
        assert database.write_now(lambda conn: store.claim(conn, first, 50)) is None
        assert database.write_now(lambda conn: store.claim(conn, first, 50)) is None, (
            "the same group, run again"
        )
        assert database.write_now(lambda conn: store.claim(conn, second, 200)) is None
        database.write_now(lambda conn: store.finish(conn, first, b"late", streamed=False, expires_us=900))
        database.write_now(lambda conn: store.release(conn, first))
        database.write_now(lambda conn: store.finish(conn, second, b"mine", streamed=True, expires_us=900))
        third = self.claim(account, "r3")
        assert database.write_now(lambda conn: store.claim(conn, third, 400)) == Stored("r2", True, b"mine")

    def test_answers_are_forgotten(self, database: Database) -> None:
        with contextlib.closing(Books(database)) as books:
            account, _ = books.account(1)
        claimed = self.claim(account, "r1")
        database.write_now(lambda conn: store.claim(conn, claimed, 0))
        assert database.write_now(lambda conn: store.forget(conn, 99)) == 0
        assert database.write_now(lambda conn: store.forget(conn, 100)) == 1


def test_the_sdk_repeats_without_paying_twice(gateway: RunningGateway, fresh: Name) -> None:
    import tollway

    name = fresh()
    with tollway.Tollway(gateway.account(name), gateway.url) as client:
        request: dict[str, Any] = {
            "model": "magistral-small-2509",
            "messages": [{"role": "user", "content": "ok"}],
            "max_tokens": 9,
        }
        costs = {client.chat.complete(**request).cost for _ in range(2)}
    assert len(costs) == 1
    assert gateway.settled_up(name).settled_nanousd == 2 * costs.pop().nanousd, "two calls are two requests"
