"""The steady state's guard: no statement before the answer, and one batch after it, however many requests share it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker

STATEMENTS_PER_BATCH = 11
"""Claim, lock, read grants and volumes; write events, volumes, balances, grants, their uses, leases, keys."""


class Heard:
    """What the databases of this process were told."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.commits = 0

    def statement(self, _conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(" ".join(statement.split()))

    def commit(self, _conn: Any) -> None:
        self.commits += 1

    def clear(self) -> None:
        self.statements.clear()
        self.commits = 0


@pytest.fixture
def heard() -> Iterator[Heard]:
    found = Heard()
    event.listen(Engine, "before_cursor_execute", found.statement)
    event.listen(Engine, "commit", found.commit)
    yield found
    event.remove(Engine, "before_cursor_execute", found.statement)
    event.remove(Engine, "commit", found.commit)


@pytest.fixture(params=["sqlite", "postgresql"])
def steady(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[RunningGateway, ScriptedWorker]]:
    """A gateway whose periodic jobs and audit samples do not come in between."""
    options: dict[str, Any] = {"lease_idle_s": 600.0, "key_cache_s": 600.0, "audit_share": 0.0}
    options |= dict.fromkeys(
        ("connect_timeout_s", "first_byte_timeout_s", "chunk_gap_s_max"), 30.0
    )  # it may be busy here
    for job in ("refresh_prices", "refresh_workers", "roll_up", "sweep", "watch_alerts", "deliver_alerts"):
        monkeypatch.setattr(f"gateway.jobs.{job}.EVERY_S", 600.0)
    if request.param == "postgresql":
        options["database_url"] = request.getfixturevalue("postgres").create_database()
    with ScriptedWorker(kind="vllm") as worker, RunningGateway(tmp_path, worker.url, **options) as gateway:
        yield gateway, worker


@pytest.mark.parametrize("stream", [False, True])
def test_nothing_before_the_answer_and_one_batch_after(
    steady: tuple[RunningGateway, ScriptedWorker], heard: Heard, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    gateway, worker = steady
    with gateway.api(gateway.account("a", "100")) as api:
        for _ in range(2):
            assert api.post("/v1/chat/completions", json=chat("ok", stream=stream)).status_code == 200
        before: list[list[str]] = []
        monkeypatch.setattr(worker, "on_request", lambda: before.append(list(heard.statements)))
        heard.clear()
        assert api.post("/v1/chat/completions", json=chat("ok", stream=stream)).status_code == 200
    begins = [statement for statement in heard.statements if statement.startswith("BEGIN")]
    work = [statement for statement in heard.statements if not statement.startswith("BEGIN")]
    assert before == [[]], "the worker was asked before the database heard anything"
    assert heard.commits == 1, begins
    assert len(work) <= STATEMENTS_PER_BATCH, work


def test_a_batch_of_many_has_as_many_statements_as_a_batch_of_one(
    steady: tuple[RunningGateway, ScriptedWorker], heard: Heard
) -> None:
    gateway, _ = steady
    with gateway.api(gateway.account("a", "100")) as api:
        ask = lambda _: api.post("/v1/chat/completions", json=chat("ok")).status_code  # noqa: E731
        for _ in range(2):
            ask(0)
        heard.clear()
        with ThreadPoolExecutor(32) as pool:
            assert set(pool.map(ask, range(200))) == {200}
    work = [statement for statement in heard.statements if not statement.startswith("BEGIN")]
    assert len(work) <= heard.commits * STATEMENTS_PER_BATCH
    assert heard.commits < 200, "requests that end together share a batch"
