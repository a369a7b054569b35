"""What the way through the gateway costs in front of a GPU: time to the first byte, and tokens a second.

Both ways are taken in turn, so that what else the machine does hits both alike.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from tests.gpu.checkpoint import DIM, ENDLESS, LAYERS
from tests.gpu.machine import Machine

ROUNDS, LONG_ROUNDS, LONG_TOKENS = 20, 5, 400
WARM_UP = 3


class Way:
    """To the worker itself, or through the gateway."""

    def __init__(self, client: httpx.Client, model: str, **fields: Any) -> None:
        self._client, self._model, self._fields = client, model, fields
        self.first_bytes_s: list[float] = []
        self.first_tokens_s: list[float] = []
        self.tokens_per_s: list[float] = []

    def ask(self, tokens: int) -> tuple[float, float, float]:
        """Seconds to the first byte, to the first token, and tokens a second after it."""
        body = {
            "model": self._model, "messages": [{"role": "user", "content": "Hello, how are you today?"}],
            "max_tokens": tokens, "stream": True, "stream_options": {"include_usage": True}, "temperature": 0,
            **ENDLESS, **self._fields,
        }  # fmt: skip
        begun = time.perf_counter()
        arrivals: list[float] = []
        usage: dict[str, Any] = {}
        with self._client.stream("POST", "/v1/chat/completions", json=body) as answer:
            assert answer.status_code == httpx.codes.OK, answer.read()
            chunks = answer.iter_bytes()
            text = next(chunks)
            first_byte = time.perf_counter()
            for line in _lines(text, chunks):
                if b'content":"' in line:  # reasoning_content, too
                    arrivals.append(time.perf_counter())
                if b'"usage":{' in line:
                    usage = json.loads(line.removeprefix(b"data: "))["usage"]
        assert usage["completion_tokens"] == tokens, usage
        rate = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]) if len(arrivals) > 1 else 0.0
        return first_byte - begun, arrivals[0] - begun, rate

    def summary(self) -> dict[str, float]:
        return {
            "first_byte_ms": round(median(self.first_bytes_s) * 1000, 2),
            "first_token_ms": round(median(self.first_tokens_s) * 1000, 2),
            "tokens_per_s": round(median(self.tokens_per_s), 1),
        }


def _lines(begun: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    pending = begun
    while True:
        *whole, pending = pending.split(b"\n")
        yield from whole
        more = next(chunks, None)
        if more is None:
            return
        pending += more


def measure(direct: Way, through: Way) -> dict[str, dict[str, float]]:
    for way in (direct, through) * WARM_UP:
        way.ask(4)
    for _ in range(ROUNDS):
        for way in (direct, through):
            first_byte, first_token, _ = way.ask(4)
            way.first_bytes_s.append(first_byte)
            way.first_tokens_s.append(first_token)
    for _ in range(LONG_ROUNDS):
        for way in (direct, through):
            way.tokens_per_s.append(way.ask(LONG_TOKENS)[2])
    return {"direct": direct.summary(), "through": through.summary()}


def table(machine: Machine, found: dict[str, dict[str, float]]) -> str:
    direct, through = found["direct"], found["through"]
    rows = (
        (f"first byte of a stream, median of {ROUNDS}", "first_byte_ms", "ms"),
        (f"first token of a stream, median of {ROUNDS}", "first_token_ms", "ms"),
        (f"tokens streamed, median of {LONG_ROUNDS} × {LONG_TOKENS}", "tokens_per_s", "/s"),
    )
    lines = [f"| {name} | {direct[key]:g} {unit} | {through[key]:g} {unit} |" for name, key, unit in rows]
    head = f"| {machine.device} | direct | through Tollway |"
    return "\n".join([f"{setting(machine)}:", "", head, "|---|---|---|", *lines])


def setting(machine: Machine) -> str:
    return (
        f"`transformers serve` {machine.transformers}, PyTorch {machine.torch}, a Magistral-shaped model of "
        f"{LAYERS} layers × {DIM} in bfloat16, on: {machine.device}"
    )


def report_files() -> list[Path]:
    """Where the figures are to be left: beside the file that was named, and in the folder of a lent machine."""
    named, out = os.environ.get("TOLLWAY_TEST_GPU_REPORT"), os.environ.get("OUT")
    bases = [Path(named).with_suffix("")] if named else []
    return bases + ([Path(out) / "gpu-figures"] if out and Path(out).is_dir() else [])


def write_report(machine: Machine, found: dict[str, dict[str, float]]) -> None:
    """Each as JSON and as Markdown."""
    content = {
        "device": machine.device,
        "torch": machine.torch,
        "transformers": machine.transformers,
        **found,
    }
    for base in report_files():
        base.with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n")
        base.with_suffix(".md").write_text(table(machine, found) + "\n")
