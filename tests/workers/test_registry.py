"""Which workers there are, and which is asked first."""

import threading
import time
from pathlib import Path

import pytest

from tests.fixtures.running import RunningGateway, chat, eventually, free_port
from tests.fixtures.scripted import ScriptedWorker


def test_a_worker_that_comes_late_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.workers.registry.RETRY_S", 0.05)
    port = free_port()
    late = ScriptedWorker(models=("unpriced", "mistralai/Magistral-Small-2509"), kind="vllm", port=port)
    with (
        RunningGateway(tmp_path, f"http://127.0.0.1:{port}") as gateway,
        gateway.api(gateway.account("a")) as api,
    ):
        assert api.get("/v1/models").json()["data"] == []
        assert api.get("/readyz").status_code == 503
        assert api.post("/v1/chat/completions", json=chat("ok")).json()["code"] == "no_worker"
        with late:
            eventually(lambda: api.get("/v1/models").json()["data"] != [], "the worker is found")
            assert api.get("/readyz").status_code == 200
            assert api.post("/v1/chat/completions", json=chat("ok")).status_code == 200
            assert late.seen[-1].body["model"] == "mistralai/Magistral-Small-2509", "by its own name"


@pytest.mark.parametrize(("named", "status"), [("=magistral-small-2509", 200), ("", 503)])
def test_a_worker_that_cannot_list_its_models_is_taken_at_the_operators_word(
    tmp_path: Path, named: str, status: int
) -> None:
    """`transformers serve` of a folder answers 500 to the question where there is no hub cache."""
    with ScriptedWorker() as worker:
        worker.list_status = 500
        with (
            RunningGateway(tmp_path, worker.url + named) as gateway,
            gateway.api(gateway.account("a")) as api,
        ):
            assert api.post("/v1/chat/completions", json=chat("ok")).status_code == status


@pytest.mark.parametrize(
    ("owner", "kind"),
    [
        ("vllm", "vllm"),
        ("sglang", "sglang"),
        ("llamacpp", "llamacpp"),
        ("library", "ollama"),
        ("somebody", "openai"),
    ],
)
def test_a_worker_is_known_by_how_it_lists_its_models(tmp_path: Path, owner: str, kind: str) -> None:
    with (
        ScriptedWorker(kind=owner) as worker,
        RunningGateway(tmp_path, worker.url) as gateway,
        gateway.api(gateway.operator()) as admin,
    ):
        (listed,) = admin.get("/admin/v1/workers").json()["data"]
    assert (listed["kind"], listed["models"]) == (kind, {"magistral-small-2509": "magistral-small-2509"})


def test_load_is_spread_and_returns_to_nothing(tmp_path: Path) -> None:
    with (
        ScriptedWorker() as one,
        ScriptedWorker() as two,
        RunningGateway(tmp_path, one.url, two.url) as gateway,
    ):
        key, operator = gateway.account("a"), gateway.operator()

        def ask() -> None:
            with gateway.api(key) as api:
                api.post("/v1/chat/completions", json=chat("ok tokens=10 delay=0.02", stream=True))

        threads = [threading.Thread(target=ask) for _ in range(10)]
        for thread in threads:
            thread.start()
            time.sleep(0.01)
        for thread in threads:
            thread.join()
        assert min(len(one.seen), len(two.seen)) >= 4
        with gateway.api(operator) as admin:
            listed = admin.get("/admin/v1/workers").json()["data"]
        assert [worker["in_flight"] for worker in listed] == [0, 0]
