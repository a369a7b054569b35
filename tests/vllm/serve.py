"""A real vLLM on loopback, serving a tiny Magistral-shaped checkpoint under Magistral's name."""

import os
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.fixtures.running import free_port

ROOT = Path(__file__).parents[2]
VENV = Path(os.environ.get("TOLLWAY_TEST_VLLM_VENV", ROOT / ".cache" / "vllm-venv"))
INSTALL = "make test-vllm"
START_TIMEOUT_S = 240.0
MODEL = "magistral-small-2509"
FLAGS = (
    "--tokenizer-mode=mistral", "--config-format=mistral", "--load-format=mistral", "--enforce-eager",
    "--max-model-len=4096", "--max-num-seqs=8", "--kv-cache-memory-bytes=64M", "--reasoning-parser=mistral",
    "--tool-call-parser=mistral", "--enable-auto-tool-choice", "--enable-prompt-tokens-details",
    '--limit-mm-per-prompt={"image":4}', "--allowed-media-domains=none.invalid",
)  # fmt: skip
"""As docs/gpu-box.md has them, cut down to a CPU; `--enable-prompt-tokens-details` is what metering wants."""


class VllmServer:
    def __init__(self, checkpoint: Path, log: Path, *more_flags: str, cores: str = "auto") -> None:
        """`more_flags` win over `FLAGS`.  `cores`: two servers on the same ones stall each other for seconds."""
        if not (VENV / "bin" / "vllm").exists():
            pytest.skip(f"vLLM is not installed, so its counts are NOT TESTED: {INSTALL}")
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log = log
        port = self.url.rpartition(":")[2]
        command = [str(VENV / "bin" / "vllm"), "serve", str(checkpoint), "--host=127.0.0.1", f"--port={port}"]
        command += [f"--served-model-name={MODEL}", *FLAGS, *more_flags]
        quiet = {
            "HF_HUB_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1",
            "VLLM_CPU_OMP_THREADS_BIND": cores,
        }
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, env=os.environ | quiet, start_new_session=True
            )

    def wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, (
                f"vLLM stopped: {self._log.read_text('utf-8', 'replace')[-3000:]}"
            )
            try:
                if httpx.get(f"{self.url}/health", trust_env=False).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.5)
        raise AssertionError(f"vLLM was not ready within {START_TIMEOUT_S:g} s")

    def metric(self, name: str) -> float:
        """The sum of a counter or gauge over its labels."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False).text
        return sum(
            float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name}{{")
        )

    def engine_pid(self) -> int:
        """The process that generates; the one that answers HTTP is its parent."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for child in map(int, children):
            if b"EngineCore" in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
        raise AssertionError(f"no engine among the children of {self._process.pid}: {children}")

    def kill(self) -> None:
        """All of it, at once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
