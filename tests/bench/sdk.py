"""What a client itself costs, beside `openai` and `mistralai` on the same gateway: per request, per streamed chunk, at import."""

import json
import statistics
import subprocess
import sys
from typing import Any

ROUNDS = 3
CLIENTS = (
    "tollway",
    "tollway_httpx2",
    "openai",
    "mistralai",
    "tollway_async",
    "openai_async",
    "mistralai_async",
)
IMPORTS = {
    "tollway": "import tollway",
    "openai": "import openai",
    "mistralai": "from mistralai.client import Mistral",
}
TIMED = "import time; t = time.process_time(); {}; print((time.process_time() - t) * 1e3)"


def python(*args: str) -> str:
    return subprocess.run([sys.executable, *args], check=True, capture_output=True, text=True).stdout


def best(found: list[dict[str, Any]], name: str) -> float:
    """The least disturbed."""
    return min(each[name] for each in found)


def main() -> None:
    gateway = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sdk_gateway"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert gateway.stdin is not None
    assert gateway.stderr is not None
    try:
        said = json.loads(gateway.stderr.readline())
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in CLIENTS}
        for _ in range(ROUNDS):
            for name in CLIENTS:
                found[name].append(
                    json.loads(python("-m", "tests.bench.sdk_client", name, said["url"], said["key"]))
                )
    finally:
        gateway.stdin.close()
        gateway.wait(30)
    print(
        "\nSDK: CPU time of the client alone, beside it how many times tollway's (sync beside sync, async beside async)"
    )
    print(f"{'':16}{'us a request':>22}{'us a chunk':>20}{'ms to be made':>20}{'modules':>10}")
    for name in CLIENTS:
        own = found["tollway_async" if name.endswith("_async") else "tollway"]
        cells = [
            f"{best(found[name], field):>13.1f} {best(found[name], field) / best(own, field):>5.1f}x"
            for field in ("request_us", "chunk_us", "made_ms")
        ]
        print(f"{name:16}{''.join(cells)}{found[name][0]['modules']:>10}")
    for name, line in IMPORTS.items():
        times = [float(python("-c", TIMED.format(line))) for _ in range(2 * ROUNDS + 1)]
        print(f"import {name:12}{statistics.median(times):>10.0f} ms")


if __name__ == "__main__":
    main()
