"""Real llama.cpp workers under load: one is killed, one frozen, one added, one slowed and drained, and one comes back.

No request fails that had not begun to stream; none is billed twice; the frozen one is out within its deadline; and waits
recover.  The figures are printed (`make test ARGS="-s tests/workers/test_outage.py"`; docs/workers.md).
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.workers import embedded
from gateway.workers.embedded import EmbeddedWorker
from tests.fixtures.outage import Drill
from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.tiny_model import tiny_model
from tests.fixtures.traffic import Traffic

MODEL = "magistral-small-2509"
DEADLINE_S = 2.0
PHASE_S = 2.0
CLIENTS = 6
Name = Callable[[], str]

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def model() -> Path:
    if embedded.available() is not None:
        pytest.skip("real workers under load are NOT TESTED: pip install xllamacpp")
    return tiny_model("v13").path


def pid(worker: EmbeddedWorker) -> int:
    process = worker._process
    assert process is not None
    return process.pid


def test_workers_break_under_load_and_nobody_who_had_not_begun_notices(
    model: Path, tmp_path: Path, fresh: Name
) -> None:
    options = {"first_byte_timeout_s": DEADLINE_S, "chunk_gap_s_max": DEADLINE_S}
    one, two, three, four = (EmbeddedWorker(model, MODEL, 0, "--slots", "4") for _ in range(4))
    body = chat("Hello, how are you today?", max_tokens=20)
    with (
        one,
        two,
        three,
        four,
        RunningGateway(tmp_path, one.url, two.url, three.url, **options) as gateway,
        Drill(gateway, PHASE_S) as drill,
    ):
        with Traffic(gateway, fresh(), body, CLIENTS) as traffic:
            drill.calm("three workers")
            drill.kill("one killed (SIGKILL)", one.url, lambda: os.kill(pid(one), signal.SIGKILL))
            drill.freeze("one more frozen (SIGSTOP)", "one left", two.url, pid(two))
            drill.add("one added", four.url)
            slow = ("one slowed to a twentieth", "the slow one drained")
            drill.slow_then_drain(slow, three.url, pid(three), 1 / 20)
            drill.thaw("the frozen one back", two.url, pid(two))
        recovered = ("the slow one drained", "the frozen one back")
        drill.judge(traffic, DEADLINE_S, calm="three workers", recovered=recovered)
