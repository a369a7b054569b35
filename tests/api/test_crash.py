"""P2 with one process: killed at any moment, it leaves a ledger that is right, and holds that are given back."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from gateway.accounts.store import find_account
from gateway.credit import store
from gateway.credit.give import open_account
from gateway.keys.create import create_key
from gateway.kit.clock import now_us
from gateway.kit.db import Database, WriteConn
from gateway.metering.audit import audit
from gateway.metering.commit import release_dead
from gateway.metering.store import find_event, walk_chain
from gateway.settings import Settings
from gateway.start import key_secret, prepare
from tests.fixtures.running import chat, eventually, free_port
from tests.fixtures.scripted import ScriptedWorker

Serve = Callable[..., subprocess.Popen[bytes]]


class Installation:
    """A data directory with one account, and real processes serving it."""

    def __init__(self, data_dir: Path, usd: int) -> None:
        self.settings = Settings(data_dir=data_dir, port=free_port())
        self.url = f"http://127.0.0.1:{self.settings.port}"
        prepare(self.settings)
        self.database = Database(self.settings.database)
        self.started: list[subprocess.Popen[bytes]] = []

        def make(conn: WriteConn) -> str:
            account = open_account(conn, "a", grant_nanousd=usd, kind="top_up", reason="test")
            secret = key_secret(self.settings)
            return create_key(conn, kind="account", account_id=account.id, name="k", key_secret=secret)[1]

        self.key = self.database.write_now(make)
        self.account_id = self.database.read_now(lambda conn: find_account(conn, "a")).id

    def start(self, worker_url: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gateway.cli", "serve", "--data-dir", str(self.settings.data_dir)]
        command += ["--port", str(self.settings.port), "--worker", worker_url, *options]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self.started.append(process)
        eventually(self._ready, "the gateway is ready", 30)
        return process

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {self.key}"},
            timeout=30,
            trust_env=False,
            verify=False,
        )

    def balance(self) -> tuple[int, int, int]:
        """Granted, settled and held, equal to the sums of the immutable rows."""
        found = self.database.read_now(lambda conn: store.read_balance(conn, self.account_id))
        sums = self.database.read_now(lambda conn: store.sum_rows(conn, self.account_id))
        events = self.database.read_now(lambda conn: list(walk_chain(conn, self.account_id)))
        assert found is not None
        counters = (found.granted_nanousd, found.settled_nanousd, found.held_nanousd)
        spent = sum(event.cost_nanousd for event, _ in events)
        assert counters == (sums.granted_nanousd, spent, sums.held_nanousd)
        return counters


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path, 10**9)
    yield made
    for process in made.started:
        if process.poll() is None:  # a test that failed half-way leaves nobody behind
            stop(process, signal.SIGKILL)
    made.database.close()


def stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    os.killpg(process.pid, how)
    process.wait(20)


def test_killed_in_the_middle_of_everything(installation: Installation) -> None:
    completed: list[str] = []
    stopping = threading.Event()

    def customer(number: int) -> None:
        while not stopping.is_set():
            body = chat("ok tokens=6 prompt=10 delay=0.005", stream=number % 2 == 0)
            try:
                with installation.client() as api:
                    answer = api.post("/v1/chat/completions", json=body)
            except httpx.TransportError:
                continue
            whole = "[DONE]" in answer.text if number % 2 == 0 else "usage" in answer.text
            if answer.status_code == 200 and whole:
                completed.append(answer.headers["x-request-id"])

    with ScriptedWorker(kind="vllm") as worker:
        threads = [threading.Thread(target=customer, args=(n,)) for n in range(8)]
        process = installation.start(worker.url)
        for thread in threads:
            thread.start()
        for _ in range(3):
            before = len(completed)
            eventually(lambda before=before: len(completed) > before + 20, "some answers are complete", 30)  # type: ignore[misc]
            stop(process, signal.SIGKILL)
            process = installation.start(worker.url)
        stopping.set()
        for thread in threads:
            thread.join()
        stop(process, signal.SIGTERM)

    assert len(set(completed)) == len(completed) > 60
    for request_id in completed:
        event = installation.database.read_now(lambda conn, r=request_id: find_event(conn, r))  # type: ignore[misc]
        assert event is not None, f"{request_id} was seen complete and not billed"
        assert event.cost_nanousd == 10 * 200 + 6 * 600
    granted, settled, held = installation.balance()
    assert settled + held <= granted
    later = now_us() + int(installation.settings.lease_ttl_s * 2_000_000)
    installation.database.write_now(lambda conn: release_dead(conn, later))
    assert installation.balance() == (granted, settled, 0)
    assert installation.database.read_now(lambda conn: audit(conn, later)).differences == ()


def test_several_processes_never_overspend(installation: Installation) -> None:
    """Two processes, 60 requests at once, and credit for 20 of them."""
    with ScriptedWorker(kind="vllm") as worker:
        process = installation.start(worker.url, "--processes", "2")
        cost = 10 * 200 + 50 * 600

        def drain(conn: WriteConn) -> None:
            from gateway.credit.give import give

            give(
                conn,
                installation.account_id,
                20 * cost - 10**9,
                kind="correction",
                reason="leave 20 requests",
            )

        installation.database.write_now(drain)
        statuses: list[int] = []

        def ask() -> None:
            with installation.client() as api:
                answer = api.post(
                    "/v1/chat/completions", json=chat("ok tokens=50 prompt=10 delay=0.01", stream=True)
                )
                statuses.append(answer.status_code)

        threads = [threading.Thread(target=ask) for _ in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stop(process, signal.SIGTERM)
    assert set(statuses) <= {200, 402}
    assert 0 < statuses.count(200) <= 20
    granted, settled, held = installation.balance()
    assert held == 0
    assert settled <= granted


def test_the_command_line_works_beside_a_running_gateway(installation: Installation) -> None:
    with ScriptedWorker(kind="vllm") as worker:
        process = installation.start(worker.url)
        command = [sys.executable, "-m", "gateway.cli", "keys", "create", "--account", "a", "--json"]
        made = subprocess.run(
            [*command, "--data-dir", str(installation.settings.data_dir)], capture_output=True, check=True
        )
        installation.key = json.loads(made.stdout)["key"]
        with installation.client() as api:
            assert api.post("/v1/chat/completions", json=chat("ok")).status_code == 200
        stop(process, signal.SIGTERM)
