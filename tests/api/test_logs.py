"""One wide event per request; never a prompt, an answer or a secret."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from gateway.serve import HANDOVER
from tests.fixtures.running import chat, eventually, free_port
from tests.fixtures.scripted import ScriptedWorker

FIELDS = {
    "request_id", "account_id", "key_id", "model", "worker", "streamed", "status", "outcome", "input_source", "output_source", "input_tokens",
    "input_image_tokens", "input_cached_tokens", "output_tokens", "output_reasoning_tokens", "cost_nanousd", "held_nanousd",
    "total_us", "first_byte_us", "overhead_us", "error", "replay_of", "event", "level", "timestamp",
}  # fmt: skip


def cli(*arguments: str, data_dir: Path) -> str:
    command = [sys.executable, "-m", "gateway.cli", *arguments, "--data-dir", str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_log_of_a_process(tmp_path: Path) -> None:
    cli("accounts", "create", "a", "--grant", "1", data_dir=tmp_path)
    key = json.loads(cli("keys", "create", "--account", "a", "--json", data_dir=tmp_path))["key"]
    port = free_port()
    with ScriptedWorker(kind="vllm") as worker:
        command = ["serve", "--port", str(port), "--worker", worker.url, "--data-dir", str(tmp_path)]
        with subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            url = f"http://127.0.0.1:{port}"
            eventually(lambda: _ready(url), "the gateway is ready", 20)
            headers = {"authorization": f"Bearer {key}"}
            for body in (
                chat("ok my-secret-prompt"),
                chat("ok my-secret-prompt", stream=True),
                chat("bad_status status=500 my-secret-prompt"),
            ):
                httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, trust_env=False)
            httpx.post(
                f"{url}/v1/chat/completions", content=b'{"my-secret-prompt', headers=headers, trust_env=False
            )
            process.terminate()
            out, err = process.communicate(timeout=20)
    assert HANDOVER not in out
    assert process.returncode in {0, -signal.SIGTERM}, "uvicorn stops in order, then passes the signal on"
    events = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    requests = [event for event in events if event["event"] == "request"]
    assert [event["status"] for event in requests] == [200, 200, 502, 400]
    for event in requests[:3]:
        assert set(event) == FIELDS
        assert 0 <= event["overhead_us"] <= event["total_us"]
    assert requests[0]["cost_nanousd"] == 10 * 200 + 5 * 600
    assert requests[2]["error"] == "worker_failed"
    for secret in ("my-secret-prompt", "tok ", key, key[8:]):
        assert secret not in err
        assert secret not in out


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
