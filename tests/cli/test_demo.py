"""`make run ARGS=--once`: a real answer, and a bill whose arithmetic a reader can check by hand."""

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.fixtures.real import require_embedded
from tests.fixtures.running import free_port


def demo(data_dir: Path, port: int) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "gateway.cli",
        "demo",
        "--once",
        "--port",
        str(port),
        "--data-dir",
        str(data_dir),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_demonstration(tmp_path: Path) -> None:
    require_embedded()
    for attempt in ("first start", "again, with another key"):
        done = demo(tmp_path, free_port())
        assert done.returncode == 0, f"{attempt}: {done.stderr}"
        text = done.stdout
        lines = re.findall(r"(\d+)\s+(input_text|input_cached|output_text)\s+(0\.\d{9})\s+(0\.\d{9})", text)
        assert {name for _, name, _, _ in lines} >= {"output_text"}
        for tokens, _, price, cost in lines:
            assert int(tokens) * Decimal(price) / 1_000_000 == Decimal(cost)
        total = Decimal(re.findall(r"total\s+(0\.\d{9})", text)[0])
        assert sum(Decimal(cost) for *_, cost in lines) == total
        left = Decimal(re.findall(r"credit left\s+(\d\.\d{9})", text)[0])
        assert left < 6
        if attempt == "first start":
            assert left == 6 - total, "five dollars of sign-up grant, one of free tier"
        assert "curl" in text
        assert "openai" in text
        assert "stands in" in text


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    require_embedded()
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = demo(tmp_path, taken.getsockname()[1])
    assert done.returncode == 1
    assert "--port" in done.stderr


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
