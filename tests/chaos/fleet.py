"""Gateway processes on one ledger, each on a port of its own, started again whenever they are killed."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from gateway.accounts.store import find_account
from gateway.credit.give import open_account
from gateway.keys.create import create_key
from gateway.kit.db import Database, WriteConn
from gateway.projects.draw_up import draw_up
from gateway.projects.store import insert_project
from gateway.settings import Settings
from gateway.start import key_secret, prepare
from tests.fixtures.running import eventually, free_port


class Fleet:
    def __init__(
        self, data_dir: Path, database_url: str, processes: int, worker_url: str, *, usd: int, **options: Any
    ) -> None:
        self.settings = Settings(data_dir=data_dir, database_url=database_url, **options)
        self._environ = {f"TOLLWAY_{name.upper()}": str(value) for name, value in options.items()}
        self._worker_url = worker_url
        prepare(self.settings)
        self.database = Database(self.settings.database)

        def make(conn: WriteConn) -> str:
            account = open_account(conn, "a", grant_nanousd=usd * 10**9, kind="top_up", reason="chaos")
            secret = key_secret(self.settings)
            return create_key(conn, kind="account", account_id=account.id, name="k", key_secret=secret)[1]

        self.key = self.database.write_now(make)
        self.account_id = self.database.read_now(lambda conn: find_account(conn, "a")).id
        self.ports = [free_port() for _ in range(processes)]
        self._processes = {port: self._start(port) for port in self.ports}
        for port in self.ports:
            eventually(lambda port=port: self._ready(port), "a gateway is ready", 30)  # type: ignore[misc]

    def drill_keys(self, nanousd: int, *, capped: str = "") -> list[str]:
        """Keys of an account of its own that may spend so much: all it has, or all that a cap of the `key` or `project` allows."""

        def make(conn: WriteConn) -> tuple[str, list[str]]:
            rich = 10**12 if capped else nanousd
            account = open_account(conn, "drill", grant_nanousd=rich, kind="top_up", reason="drill")
            cap: dict[str, int | None] = {"cap_total_nanousd": nanousd}
            if capped == "project":
                insert_project(conn, draw_up(account.id, "p", cap))
            secrets = [
                create_key(
                    conn,
                    kind="account",
                    account_id=account.id,
                    name=f"d{number}",
                    key_secret=key_secret(self.settings),
                    caps={"key": cap, "project": {"project": "p"}}.get(capped, {}),
                )[1]
                for number in range(3 if capped == "project" else 1)
            ]
            return account.id, secrets

        self.drilled_id, secrets = self.database.write_now(make)
        return secrets

    def client(self, port: int) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {self.key}"}, timeout=20,
            trust_env=False, verify=False,
        )  # fmt: skip

    def kill_one(self, how: signal.Signals) -> None:
        """One process dies, at once, and another takes its place."""
        port = random.choice(self.ports)
        self._end(port, how)
        self._processes[port] = self._start(port)

    def stop(self) -> None:
        """In order: running requests are finished."""
        for port in self.ports:
            self._end(port, signal.SIGTERM)

    def close(self) -> None:
        self.database.close()

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gateway.cli", "serve", "--data-dir", str(self.settings.data_dir)]
        command += ["--port", str(port), "--worker", self._worker_url]
        environ = os.environ | self._environ | {"TOLLWAY_DATABASE_URL": self.settings.database_url}
        with (self.settings.data_dir / "gateway.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environ, start_new_session=True)

    def _end(self, port: int, how: signal.Signals) -> None:
        process = self._processes[port]
        if process.poll() is None:
            os.killpg(process.pid, how)
        process.wait(40)

    def _ready(self, port: int) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
