"""Choosing among live workers: limits, waiting in turn, policies, conversations that come back, hedges, their own metrics."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import WorkerSettings
from gateway.workers.gauge import CACHE_MAX, NO_GAUGE, STALE_S, WAITING_MAX, Gauge, parse
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

PATH = "/v1/chat/completions"
WORKERS = "/admin/v1/workers"
Name = Callable[[], str]


class Mooded(ScriptedWorker):
    """Does what its mood says, whatever it is asked."""

    mood = "ok tokens=3"

    def script_of(self, _body: object) -> str:
        return self.mood


def in_background(*work: Callable[[], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    return threads


def limited(worker: ScriptedWorker, limit: int) -> WorkerSettings:
    return WorkerSettings(url=worker.url, concurrency_max=limit)


def ask(gateway: RunningGateway, key: str, **fields: Any) -> Any:
    with gateway.api(key) as api:
        return api.post(PATH, json=chat("x", **fields))


def test_a_worker_never_has_more_than_its_limit_and_all_are_served_in_the_end(
    tmp_path: Path, fresh: Name
) -> None:
    with (
        Mooded(kind="vllm") as worker,
        RunningGateway(tmp_path, limited(worker, 2)) as gateway,
        gateway.api(gateway.operator()) as admin,
    ):
        worker.mood = "ok tokens=10 delay=0.02"
        key, answers, most = gateway.account(fresh()), list[int](), 0

        def one() -> None:
            answers.append(ask(gateway, key, stream=True).status_code)

        threads = in_background(*[one] * 8)
        while any(thread.is_alive() for thread in threads):
            most = max(most, admin.get(WORKERS).json()["data"][0]["in_flight"])
        assert answers == [200] * 8
        assert most == 2, "busy, but never beyond its limit"


def test_accounts_take_turns_while_they_wait(tmp_path: Path, fresh: Name) -> None:
    with Mooded(kind="vllm") as worker, RunningGateway(tmp_path, limited(worker, 1)) as gateway:
        worker.mood = "ok tokens=5 delay=0.03"
        greedy, modest, served = gateway.account(fresh()), gateway.account(fresh()), list[str]()

        def one(name: str, key: str) -> None:
            assert ask(gateway, key, stream=True).status_code == 200
            served.append(name)

        threads = in_background(*[lambda: one("greedy", greedy)] * 6)
        eventually(lambda: len(worker.seen) >= 1, "the greedy one is served")
        time.sleep(0.1)
        threads += in_background(lambda: one("modest", modest))
        for thread in threads:
            thread.join()
        assert "modest" in served[:4], f"not behind all six of the other: {served}"


def test_who_waits_too_long_is_told_when_to_come_back_and_pays_nothing(tmp_path: Path, fresh: Name) -> None:
    with (
        Mooded(kind="vllm") as worker,
        RunningGateway(tmp_path, limited(worker, 1), queue_wait_s=0.3, chunk_gap_s_max=5) as gateway,
    ):
        worker.mood = "ok tokens=3 delay=0.5"
        name = fresh()
        key = gateway.account(name)
        (running,) = in_background(lambda: ask(gateway, key, stream=True))
        eventually(lambda: len(worker.seen) == 1, "one is served")
        refused = ask(gateway, key)
        assert (refused.status_code, refused.json()["code"]) == (503, "worker_busy")
        assert int(refused.headers["retry-after"]) >= 1
        running.join()
        gateway.settled_up(name)
        assert sorted(event.outcome for event in gateway.events(name)) == ["completed", "worker_failed"]


def test_a_queue_of_none_refuses_at_once(tmp_path: Path, fresh: Name) -> None:
    with Mooded(kind="vllm") as worker, RunningGateway(tmp_path, limited(worker, 1), queue_max=0) as gateway:
        worker.mood = "ok tokens=20 delay=0.05"
        key = gateway.account(fresh())
        (running,) = in_background(lambda: ask(gateway, key, stream=True))
        eventually(lambda: len(worker.seen) == 1, "one is served")
        assert ask(gateway, key).json()["code"] == "worker_busy"
        running.join()


def test_a_busy_worker_is_asked_again_when_its_pause_is_over(tmp_path: Path, fresh: Name) -> None:
    with Mooded(kind="vllm") as worker, RunningGateway(tmp_path, worker.url, queue_wait_s=10) as gateway:
        worker.mood = "bad_status status=429 after=1"
        key = gateway.account(fresh())
        answers: list[int] = []
        (waiting,) = in_background(lambda: answers.append(ask(gateway, key).status_code))
        eventually(lambda: len(worker.seen) == 1, "it was asked")
        worker.mood = "ok"
        waiting.join()
        assert (answers, len(worker.seen)) == ([200], 2)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[RunningGateway, Mooded, Mooded]]:
    with (
        Mooded(kind="vllm") as one,
        Mooded(kind="vllm") as two,
        RunningGateway(tmp_path, one.url, two.url, hedge_share=1.0) as gateway,
    ):
        yield gateway, one, two


def test_a_conversation_comes_back_to_its_worker_and_conversations_are_spread(
    pair: tuple[RunningGateway, Mooded, Mooded], fresh: Name
) -> None:
    gateway, one, two = pair
    homes: list[set[str]] = []
    with gateway.api(gateway.account(fresh())) as api:
        for number in range(40):
            messages = [{"role": "user", "content": f"conversation {number} " + "about many things " * 80}]
            homes.append(set())
            for turn in range(3):
                before = len(one.seen)
                assert api.post(PATH, json={**chat(""), "messages": messages}).status_code == 200
                homes[-1].add("one" if len(one.seen) > before else "two")
                messages += [
                    {"role": "assistant", "content": f"answer {turn}"},
                    {"role": "user", "content": f"and {turn}?"},
                ]
    stayed = sum(len(home) == 1 for home in homes)
    assert stayed >= 20, (
        f"most conversations have one worker, not the quarter that chance would leave: {homes}"
    )
    busiest = max(len(one.seen), len(two.seen))
    assert busiest <= 1.25 * 60 + 1, "and none has more than its bounded share"


def test_a_prompt_cache_key_holds_short_requests_together(
    pair: tuple[RunningGateway, Mooded, Mooded], fresh: Name
) -> None:
    gateway, one, two = pair
    with gateway.api(gateway.account(fresh())) as api:
        for _ in range(3):
            assert api.post(PATH, json=chat("x", prompt_cache_key="mine")).status_code == 200
    assert {len(one.seen), len(two.seen)} in ({0, 3}, {1, 2}), "together, until it is more than a fair share"


def test_a_hedge_saves_a_request_from_a_slow_worker_and_only_one_is_billed(
    pair: tuple[RunningGateway, Mooded, Mooded], fresh: Name
) -> None:
    gateway, one, _ = pair
    name = fresh()
    key = gateway.account(name)
    for _ in range(25):
        assert ask(gateway, key).status_code == 200
    one.mood = "hang"
    begun, took = time.monotonic(), list[float]()
    for _ in range(6):
        took.append(time.monotonic())
        assert ask(gateway, key).status_code == 200
        took[-1] = time.monotonic() - took[-1]
    assert time.monotonic() - begun < 3.0, f"nobody waited for the deadline of a second: {took}"
    lost = [seen for seen in one.seen if seen.cut]
    assert lost, "the hanging worker was asked, and told to stop"
    gateway.settled_up(name)
    assert [event.outcome for event in gateway.events(name)] == ["completed"] * 31
    with gateway.api(gateway.operator()) as admin:
        assert [each["in_flight"] for each in admin.get(WORKERS).json()["data"]] == [0, 0]


def test_weights_and_limits_are_changed_while_it_runs(
    pair: tuple[RunningGateway, Mooded, Mooded], fresh: Name
) -> None:
    gateway, one, two = pair
    with gateway.api(gateway.operator()) as admin:
        changed = admin.patch(WORKERS, json={"name": one.url, "weight": 9, "concurrency_max": 4})
        found = {each["url"]: each for each in changed.json()["data"]}
        assert (found[one.url]["weight"], found[one.url]["concurrency_max"]) == (9, 4)
        admin.patch(WORKERS, json={"name": one.url, "concurrency_max": None})
        again = {each["url"]: each for each in admin.get(WORKERS).json()["data"]}
        assert (again[one.url]["weight"], again[one.url]["concurrency_max"]) == (9, None)
        assert admin.patch(WORKERS, json={"name": one.url, "weight": 0}).status_code == 400
    name = fresh()
    with gateway.api(gateway.account(name)) as api:
        for number in range(40):
            text = f"{number} " + "word " * 400
            assert api.post(PATH, json=chat(text)).status_code == 200
    answered = [event.worker for event in gateway.events(name)]  # a busy machine has the other asked, too
    assert answered.count(one.url) > 3 * answered.count(two.url), "nine times the capacity"


def test_a_keys_policy_comes_first(pair: tuple[RunningGateway, Mooded, Mooded], fresh: Name) -> None:
    gateway, _, _ = pair
    with gateway.api(gateway.operator()) as admin:
        account = admin.post("/admin/v1/accounts", json={"name": fresh()}).json()["id"]
        made = admin.post("/admin/v1/keys", json={"account": account, "policy": "mistral-only"}).json()
        assert made["policy"] == "mistral-only"
        refused = ask(gateway, made["key"])
        assert (refused.status_code, refused.json()["code"]) == (503, "no_worker")
        assert admin.patch(f"/admin/v1/keys/{made['id']}", json={"policy": None}).json()["policy"] is None
        assert ask(gateway, made["key"]).status_code == 200
        wrong = admin.patch(f"/admin/v1/keys/{made['id']}", json={"policy": "fastest"})
        assert (wrong.status_code, wrong.json()["param"]) == (400, "policy")


VLLM = b"""# HELP vllm:num_requests_running Number of requests in model execution batches.
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
vllm:num_requests_waiting{engine="0",model_name="m"} 1.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 9.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.75
"""


def test_a_workers_own_numbers() -> None:
    assert parse("vllm", VLLM, 5.0) == Gauge(running=5, waiting=1, cache=0.75, read_at=5.0)
    llamacpp = b"llamacpp:requests_processing 2\nllamacpp:requests_deferred 4\n"
    assert parse("llamacpp", llamacpp, 0.0) == Gauge(running=2, waiting=4, cache=0, read_at=0.0)
    sglang = (
        b'sglang:num_running_reqs{model_name="m"} 7.0\nsglang:num_queue_reqs{model_name="m"} 2.0\n'
        b'sglang:token_usage{model_name="m"} 0.28\n'
    )
    assert parse("sglang", sglang, 0.0) == Gauge(running=7, waiting=2, cache=0.28, read_at=0.0)
    assert parse("vllm", b"<html>no metrics here</html>", 0.0) is None


def test_when_a_worker_is_crowded() -> None:
    assert not Gauge(running=99, read_at=0).is_crowded(1)
    assert Gauge(waiting=WAITING_MAX, read_at=0).is_crowded(1)
    assert not Gauge(waiting=WAITING_MAX, read_at=0).is_crowded(STALE_S + 1), "that was long ago"
    assert Gauge(waiting=1, cache=CACHE_MAX, read_at=0).is_crowded(1)


def test_what_others_do_is_smoothed() -> None:
    first = Gauge(running=5, waiting=2, read_at=0).after(NO_GAUGE, ours=3)
    assert (first.others, first.others_at(1), first.others_at(STALE_S + 1)) == (4, 4, 0)
    assert Gauge(running=14, read_at=1).after(first, ours=0).others == pytest.approx(5)
    assert Gauge(running=1, read_at=0).after(NO_GAUGE, ours=3).others == 0


class WithMetrics(Mooded):
    """A vLLM that says how busy others keep it."""

    def get(self, path: str) -> bytes | None:
        return VLLM.replace(b"3.0", b"400.0") if path == "/metrics" else None


def test_a_worker_that_others_keep_busy_is_asked_less(tmp_path: Path, fresh: Name) -> None:
    with (
        WithMetrics(kind="vllm") as crowded,
        Mooded(kind="vllm") as idle,
        RunningGateway(tmp_path, crowded.url, idle.url) as gateway,
        gateway.api(gateway.operator()) as admin,
        gateway.api(gateway.account(fresh())) as api,
    ):

        def running() -> list[float]:
            return sorted(each["running"] for each in admin.get(WORKERS).json()["data"])

        eventually(lambda: running() == [0, 402], "its metrics are read")
        for _ in range(10):
            assert api.post(PATH, json=chat("x")).status_code == 200
        assert (len(crowded.seen), len(idle.seen)) == (0, 10)
        assert json.loads(admin.get(WORKERS).text)["data"][0]["kv_cache_usage"] == 0.75
