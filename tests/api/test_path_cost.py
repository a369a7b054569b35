"""What a request costs in Python function calls: a figure that a busy machine does not blur.

Counted in every thread of a real gateway, libraries included; the median of many requests, each alone in its batch, which is
the dearest way to be served.  Whoever makes the path cheaper lowers the figures; whoever makes it dearer says why.
"""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Any

import httpx
import pytest

from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker

REQUESTS = 30
WHOLE_CALLS = 690
STREAM_CALLS = 1460
CHUNK_CALLS = 41
CHUNKS = 16
"""Each comes alone, as from a worker that generates one token at a time; those that come together cost less."""


class Calls:
    """How many functions written in Python were entered since the last look, in threads begun after it was made."""

    def __init__(self) -> None:
        self._count = 0

    def note(self, _frame: FrameType, event: str, _what: Any) -> None:
        self._count += event == "call"

    def of(self, api: httpx.Client, **fields: Any) -> float:
        found = []
        for _ in range(REQUESTS):
            before = self._count
            assert api.post("/v1/chat/completions", json=chat(**fields)).status_code == 200
            time.sleep(0.01)  # what comes after its last byte
            found.append(self._count - before)
        return median(found)


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[RunningGateway, Calls]]:
    """A gateway whose threads are counted, in the steady state."""
    options: dict[str, Any] = {"lease_idle_s": 600.0, "key_cache_s": 600.0, "audit_share": 0.0}
    for job in ("refresh_prices", "refresh_workers", "roll_up", "sweep", "watch_alerts", "deliver_alerts"):
        monkeypatch.setattr(f"gateway.jobs.{job}.EVERY_S", 600.0)
    calls = Calls()
    with ScriptedWorker(kind="vllm") as worker:
        threading.setprofile(calls.note)
        try:
            with RunningGateway(tmp_path, worker.url, **options) as gateway:
                yield gateway, calls
        finally:
            threading.setprofile(None)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="later versions inline comprehensions")
def test_what_a_request_costs(counted: tuple[RunningGateway, Calls]) -> None:
    gateway, calls = counted
    with gateway.api(gateway.account("a", "100")) as api:
        for stream in (False, True):
            assert api.post("/v1/chat/completions", json=chat("ok", stream=stream)).status_code == 200
        whole = calls.of(api, text="ok")
        few, many = (
            calls.of(api, text=f"ok tokens={count} delay=0.001", stream=True)
            for count in (CHUNKS, 2 * CHUNKS)
        )
    found = {"whole": whole, "stream": few, "chunk": (many - few) / CHUNKS}
    allowed = {"whole": WHOLE_CALLS, "stream": STREAM_CALLS, "chunk": CHUNK_CALLS}
    assert all(0.95 * allowed[name] <= found[name] <= allowed[name] for name in allowed), found
