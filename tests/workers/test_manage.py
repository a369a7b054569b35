"""Workers are added, cordoned and removed while everything runs, and every process hears of it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.running import RunningGateway, chat, eventually, free_port
from tests.fixtures.scripted import ScriptedWorker

PATH = "/v1/chat/completions"
WORKERS = "/admin/v1/workers"
Name = Callable[[], str]


def listed(admin: httpx.Client) -> dict[str, dict[str, Any]]:
    return {each["url"]: each for each in admin.get(WORKERS).json()["data"]}


def test_a_worker_is_added_cordoned_and_removed(tmp_path: Path) -> None:
    with (
        ScriptedWorker(kind="vllm") as first,
        ScriptedWorker(kind="vllm") as second,
        RunningGateway(tmp_path, first.url) as gateway,
        gateway.api(gateway.operator()) as admin,
        gateway.api(gateway.account("a")) as api,
    ):
        added = admin.post(WORKERS, json={"url": second.url + "/v1"})
        assert added.status_code == 201, added.text
        assert listed(admin)[second.url]["models"] == {"magistral-small-2509": "magistral-small-2509"}
        assert admin.post(WORKERS, json={"url": second.url}).status_code == 409
        cordoned = admin.patch(WORKERS, json={"name": first.url, "cordoned": True})
        assert cordoned.status_code == 200
        before = len(first.seen)
        for _ in range(8):
            assert api.post(PATH, json=chat("ok")).status_code == 200
        assert (len(first.seen), len(second.seen)) == (before, 8)
        admin.patch(WORKERS, json={"name": second.url, "cordoned": True})
        assert api.post(PATH, json=chat("ok")).json()["code"] == "no_worker"
        admin.patch(WORKERS, json={"name": first.url, "cordoned": False})
        assert admin.delete(WORKERS, params={"name": second.url}).status_code == 200
        assert set(listed(admin)) == {first.url}
        assert api.post(PATH, json=chat("ok")).status_code == 200
        assert len(first.seen) == before + 1


def test_a_cordoned_worker_finishes_what_it_is_doing(tmp_path: Path) -> None:
    with (
        ScriptedWorker(kind="vllm") as worker,
        RunningGateway(tmp_path, worker.url) as gateway,
        gateway.api(gateway.operator()) as admin,
        gateway.api(gateway.account("a")) as api,
    ):
        texts: list[str] = []
        body = chat("ok tokens=50 delay=0.02", stream=True)
        running = threading.Thread(target=lambda: texts.append(api.post(PATH, json=body).text))
        running.start()
        eventually(lambda: listed(admin)[worker.url]["in_flight"] == 1, "the stream runs")
        admin.patch(WORKERS, json={"name": worker.url, "cordoned": True})
        running.join()
        assert texts[0].endswith("data: [DONE]\n\n")
        assert (listed(admin)[worker.url]["in_flight"], listed(admin)[worker.url]["cordoned"]) == (0, True)


def test_other_processes_hear_of_it_and_a_restart_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.jobs.refresh_workers.EVERY_S", 0.05)
    nobody = f"http://127.0.0.1:{free_port()}"
    with ScriptedWorker(kind="vllm") as worker:
        with RunningGateway(tmp_path, nobody) as here, RunningGateway(tmp_path, nobody) as there:
            key = here.account("a")
            with here.api(here.operator()) as admin:
                assert admin.post(WORKERS, json={"url": worker.url}).status_code == 201
            with there.api(key) as api:
                eventually(lambda: api.post(PATH, json=chat("ok")).status_code == 200, "the other serves it")
        with RunningGateway(tmp_path, nobody) as again, again.api(key) as api:
            eventually(lambda: api.post(PATH, json=chat("ok")).status_code == 200, "it is remembered")


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("POST", {"url": "10.0.0.1:8000"}, 400),
        ("POST", {}, 400),
        ("PATCH", {"name": "nobody", "cordoned": True}, 404),
        ("PATCH", {"name": "nobody", "cordoned": "yes"}, 400),
    ],
)
def test_an_operators_mistakes_are_explained(
    gateway: RunningGateway, method: str, body: dict[str, Any], status: int
) -> None:
    with gateway.api(gateway.operator()) as admin:
        answer = admin.request(method, WORKERS, json=body)
        assert answer.status_code == status, answer.text
        assert len(answer.json()["error"]["message"]) > 10


def test_a_configured_worker_cannot_be_removed(gateway: RunningGateway, worker: ScriptedWorker) -> None:
    with gateway.api(gateway.operator()) as admin:
        answer = admin.delete(WORKERS, params={"name": worker.url})
    assert answer.status_code == 404
    assert "cordoned" in answer.json()["error"]["message"]
