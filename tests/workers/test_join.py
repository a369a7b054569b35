"""Workers join by themselves: a token that opens nothing else, a heartbeat, and what happens when it stops."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.running import RunningGateway, chat, eventually, free_port
from tests.fixtures.scripted import ScriptedWorker

PATH, JOIN, WORKERS = "/v1/chat/completions", "/join/v1/worker", "/admin/v1/workers"
TOKEN = "a-secret-of-our-gpu-boxes"
Name = Callable[[], str]


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningGateway]:
    monkeypatch.setattr("gateway.jobs.refresh_workers.EVERY_S", 0.05)
    nobody = f"http://127.0.0.1:{free_port()}"
    with RunningGateway(tmp_path, nobody, join_token=TOKEN) as running:
        yield running


def names(gateway: RunningGateway) -> list[str]:
    with gateway.api(gateway.operator()) as admin:
        return [each["url"] for each in admin.get(WORKERS).json()["data"]]


def sidecar(gateway: RunningGateway, url: str, *options: str, token: str = TOKEN) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "gateway.cli", "join", gateway.url, "--url", url, *options]
    return subprocess.Popen(
        command,
        env=os.environ | {"TOLLWAY_JOIN_TOKEN": token},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_one_command_beside_a_worker_is_enough_and_stopping_it_takes_the_worker_away(
    gateway: RunningGateway, fresh: Name
) -> None:
    with ScriptedWorker(kind="vllm") as worker, gateway.api(gateway.account(fresh())) as api:
        beside = sidecar(gateway, worker.url, "--weight", "3", "--concurrency-max", "7")
        try:
            eventually(lambda: worker.url in names(gateway), "it joined", 20)
            with gateway.api(gateway.operator()) as admin:
                (found,) = [each for each in admin.get(WORKERS).json()["data"] if each["url"] == worker.url]
            assert (found["weight"], found["concurrency_max"], found["kind"]) == (3, 7, "vllm")
            assert api.post(PATH, json=chat("ok")).status_code == 200
            beside.send_signal(signal.SIGTERM)
            assert beside.wait(10) == 0
            assert worker.url not in names(gateway)
        finally:
            beside.kill()
            out, _ = beside.communicate()
    assert f"joined {gateway.url} as {worker.url}" in out
    assert "left" in out


def test_a_worker_whose_heartbeat_stops_is_forgotten(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.api.workers.HEARTBEAT_TTL_S", 1)
    with ScriptedWorker(kind="vllm") as worker, gateway.api(TOKEN) as box:
        assert box.put(JOIN, json={"url": worker.url}).json() == {"heartbeat_s": 5, "ttl_s": 1}
        assert worker.url in names(gateway)
        eventually(lambda: worker.url not in names(gateway), "it is forgotten")


def test_a_cordoned_worker_stays_cordoned_through_its_heartbeats(gateway: RunningGateway) -> None:
    with (
        ScriptedWorker(kind="vllm") as worker,
        gateway.api(TOKEN) as box,
        gateway.api(gateway.operator()) as admin,
    ):
        box.put(JOIN, json={"url": worker.url})
        admin.patch(WORKERS, json={"name": worker.url, "cordoned": True})
        box.put(JOIN, json={"url": worker.url})
        (found,) = [each for each in admin.get(WORKERS).json()["data"] if each["url"] == worker.url]
        assert found["cordoned"]


def test_the_token_opens_this_door_and_no_other_door_opens_it(gateway: RunningGateway) -> None:
    with gateway.api(TOKEN) as box:
        for path in (PATH, "/v1/models", WORKERS, "/admin/v1/accounts", "/metrics"):
            assert box.get(path).status_code == 401, path
    for key in (gateway.operator(), gateway.account("somebody"), "wrong"):
        with gateway.api(key) as other:
            assert other.put(JOIN, json={"url": "http://10.0.0.1:8000"}).status_code == 401
    assert httpx.put(gateway.url + JOIN, json={}, trust_env=False).status_code == 401


def test_without_a_token_nobody_joins(tmp_path: Path) -> None:
    with RunningGateway(tmp_path) as closed, closed.api("whatever") as box:
        answer = box.put(JOIN, json={"url": "http://10.0.0.1:8000"})
    assert answer.status_code == 401
    assert "join_token" in answer.json()["error"]["message"]


def test_a_sidecar_with_a_wrong_token_says_so_and_stops(gateway: RunningGateway) -> None:
    with ScriptedWorker(kind="vllm") as worker:
        beside = sidecar(gateway, worker.url, token="wrong-" + TOKEN)
        _, err = beside.communicate(timeout=20)
    assert beside.returncode == 1
    assert "the join token is wrong" in err


def test_a_sidecar_waits_for_its_worker(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    beside = sidecar(gateway, url)
    try:
        assert beside.stdout is not None
        assert beside.stdout.readline().startswith(f"waiting for {url}")
        with ScriptedWorker(kind="vllm", port=port):
            eventually(lambda: url in names(gateway), "it joined", 20)
    finally:
        beside.terminate()
        beside.communicate(timeout=10)


@pytest.mark.parametrize(
    ("body", "status"),
    [({"url": "10.0.0.1:8000"}, 400), ({}, 400), ({"url": "http://a", "weight": 0}, 400)],
)
def test_mistakes_are_explained(gateway: RunningGateway, body: dict[str, Any], status: int) -> None:
    with gateway.api(TOKEN) as box:
        answer = box.put(JOIN, json=body)
        assert answer.status_code == status
        assert len(answer.json()["error"]["message"]) > 10
        assert box.delete(JOIN, params={"url": "http://10.9.9.9:1"}).status_code == 404
    (configured,) = [worker.url for worker in gateway.settings.workers]
    with gateway.api(TOKEN) as box:
        assert box.put(JOIN, json={"url": configured}).status_code == 409
