"""A key that is changed in one process is changed in the other within a second, and ends in both at the same moment."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.kit.clock import SECOND_US, from_rfc3339, now_us
from tests.api.test_key_limits import OTHER, Desk, soon
from tests.fixtures.running import RunningGateway, chat, eventually, free_port
from tests.fixtures.scripted import ScriptedWorker


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(
    request: pytest.FixtureRequest, worker: ScriptedWorker, tmp_path: Path
) -> Iterator[tuple[Desk, str]]:
    """A gateway here and another process on the same database: a desk at the first, the address of the second."""
    options: dict[str, Any] = {}
    if request.param == "postgresql":
        options["database_url"] = request.getfixturevalue("postgres").create_database()
    with RunningGateway(tmp_path, worker.url, **options) as gateway:
        port = free_port()
        command = [sys.executable, "-m", "gateway.cli", "serve", "--data-dir", str(tmp_path), "--port", str(port),
                   "--worker", worker.url]  # fmt: skip
        environ = {"TOLLWAY_DATABASE_URL": options["database_url"]} if options else {}
        process = subprocess.Popen(
            command,
            env={"PATH": "/usr/bin:/bin", **environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            eventually(lambda: _is_ready(url), "the second process is ready", 30)
            desk = Desk(gateway, "both")
            yield desk, url
            desk.admin.close()
        finally:
            process.terminate()
            process.wait(15)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_a_change_in_one_process_is_in_force_in_the_other_within_a_second(pair: tuple[Desk, str]) -> None:
    desk, url = pair
    made = desk.make(name="k")
    path = f"/admin/v1/keys/{made['id']}"
    with httpx.Client(
        base_url=url, headers={"authorization": f"Bearer {made['key']}"}, trust_env=False, timeout=30
    ) as far:

        def within_a_second(change: Callable[[], httpx.Response], status: int) -> None:
            """The change is made just after the other process looked the key up."""
            time.sleep(1.1)
            far.get("/v1/models")
            assert change().status_code == 200
            changed = time.monotonic()
            while True:
                asked = time.monotonic()
                if far.post("/v1/chat/completions", json=chat("ok")).status_code == status:
                    return
                assert asked < changed + 1.0, f"asked a second later, it is not {status} yet"

        within_a_second(lambda: desk.admin.patch(path, json={"models": [OTHER]}), 403)
        within_a_second(lambda: desk.admin.patch(path, json={"models": None}), 200)
        within_a_second(lambda: desk.admin.patch(path, json={"scopes": ["fim"]}), 403)
        within_a_second(lambda: desk.admin.patch(path, json={"scopes": None}), 200)
        within_a_second(lambda: desk.admin.delete(path), 401)


def test_an_end_that_both_processes_know_is_the_same_moment(pair: tuple[Desk, str]) -> None:
    desk, url = pair
    made = desk.make(expires_at=soon(1.5))
    end = from_rfc3339(made["expires_at"])
    clients = [httpx.Client(base_url=base, headers={"authorization": f"Bearer {made['key']}"}, trust_env=False)
               for base in (desk.gateway.url, url)]  # fmt: skip
    for client in clients:
        assert client.get("/v1/models").status_code == 200
    time.sleep(max(0, (end - now_us()) / SECOND_US) + 0.01)
    for client in clients:
        assert client.get("/v1/models").json()["code"] == "api_key_expired", (
            "though its lookup was remembered"
        )
        client.close()
