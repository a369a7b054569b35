"""`transformers serve` on loopback with the tiny Magistral, on the device that was asked for."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import httpx

from tests.fixtures.running import free_port
from tests.gpu.checkpoint import REPOSITORY, build
from tests.gpu.machine import DEVICE, Machine

START_TIMEOUT_S = 240.0


class TransformersServer:
    def __init__(self, folder: Path, machine: Machine) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log, self._streams = folder / "serve.log", folder / "streams.jsonl"
        self._streams.touch()
        port = self.url.rpartition(":")[2]
        script = str(Path(__file__).with_name("launch.py"))
        command = [machine.python, script, "serve", REPOSITORY, "--host=127.0.0.1", f"--port={port}"]
        env = os.environ | {
            "HF_HOME": str(build(folder / "hub-home", machine)),
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "1",
            "TOLLWAY_TEST_GPU_STREAMS": str(self._streams),
        }
        for name in ("HF_HUB_CACHE", "TRANSFORMERS_CACHE"):
            env.pop(name, None)  # they would win over HF_HOME
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [*command, f"--device={DEVICE}"], stdout=out, stderr=out, env=env, start_new_session=True
            )

    def wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"transformers serve stopped: {self.log()}"
            try:
                if httpx.get(f"{self.url}/health", trust_env=False).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.2)
        raise AssertionError(f"transformers serve was not ready within {START_TIMEOUT_S:g} s: {self.log()}")

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")[-3000:]

    def ends(self) -> list[tuple[str, int]]:
        """How each stream ended (`ended`, `stopped`), and after how many tokens."""
        lines = self._streams.read_text().splitlines()
        return [(line["how"], line["tokens"]) for line in map(json.loads, lines)]

    def stop(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
