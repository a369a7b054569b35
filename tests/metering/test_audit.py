"""P5: any bill can be computed again, and whoever edits a row is found."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Table, delete, update

from gateway.accounts.store import list_accounts
from gateway.credit import store as credit
from gateway.credit.tables import balances, grants, hold_resolutions
from gateway.errors import NotFound
from gateway.kit import schema
from gateway.kit.db import Database
from gateway.metering.audit import audit
from gateway.metering.chain import GENESIS, link
from gateway.metering.record import record
from gateway.metering.store import insert_sample, sum_drift
from gateway.metering.tables import usage_events
from gateway.metering.types import DriftSample
from tests.metering.test_record import event_of, order, prepare

EVENTS = 5


@pytest.fixture
def recorded(database: Database) -> list[str]:
    """One account with five recorded requests and one that is still held."""
    first = database.write_now(prepare)
    found = []
    hold = first
    for _ in range(EVENTS):
        database.write_now(lambda conn, hold=hold: record(conn, event_of(hold), hold))  # type: ignore[misc]
        found.append(hold.request_id)
        hold = database.write_now(lambda conn: order(conn, first))
    return found


def findings(database: Database, later_us: int = 0) -> list[tuple[str, str]]:
    report = database.read_now(lambda conn: audit(conn, later_us))
    return [(difference.where, difference.problem) for difference in report.differences]


def tamper(database: Database, statement: Any) -> None:
    database.write_now(lambda conn: conn.execute(statement))


def test_an_untouched_ledger_agrees(database: Database, recorded: list[str]) -> None:
    report = database.read_now(lambda conn: audit(conn, 0))
    assert report.differences == ()
    assert (report.accounts, report.events, report.settled_nanousd) == (1, EVENTS, EVENTS * 2_200)


def change(table: Table, row: str, **values: Any) -> Any:
    return update(table).where(table.c.request_id == row).values(**values)


TAMPERING: list[tuple[str, Callable[[list[str]], Any], list[str]]] = [
    ("an edited count", lambda ids: change(usage_events, ids[2], output_tokens=1), ["hash", "worth 1600"]),
    (
        "an edited cost",
        lambda ids: change(usage_events, ids[2], cost_nanousd=1),
        ["hash", "worth 2200", "taken", "add up"],
    ),
    ("an edited model", lambda ids: change(usage_events, ids[2], model="m"), ["hash", "worth None"]),
    ("an edited hash", lambda ids: change(usage_events, ids[2], chain_hash="0" * 64), ["hash", "hash"]),
    (
        "a removed event",
        lambda ids: delete(usage_events).where(usage_events.c.request_id == ids[2]),
        ["missing", "hash", "no event", "add up"],
    ),
    (
        "an edited settlement",
        lambda ids: change(hold_resolutions, ids[2], amount_nanousd=1),
        ["taken", "add up"],
    ),
    ("an edited counter", lambda ids: update(balances).values(settled_nanousd=1), ["add up", "add up"]),
    ("credit from nowhere", lambda ids: update(balances).values(granted_nanousd=2 * 10**9), ["add up"]),
    ("an edited grant", lambda ids: update(grants).values(amount_nanousd=1), ["add up"]),
]


@pytest.mark.parametrize(("what", "statement", "found"), TAMPERING, ids=[row[0] for row in TAMPERING])
def test_tampering_is_found(
    database: Database, recorded: list[str], what: str, statement: Any, found: list[str]
) -> None:
    tamper(database, statement(recorded))
    problems = findings(database)
    assert len(problems) == len(found), problems
    for (_, problem), expected in zip(problems, found, strict=True):
        assert expected in problem


def test_a_hold_that_nobody_gave_back_is_named(database: Database, recorded: list[str]) -> None:
    assert findings(database) == []
    ((where, problem),) = findings(database, later_us=10**9)
    assert where not in recorded
    assert "expired" in problem


def test_the_chain_is_the_documented_one() -> None:
    assert GENESIS == "0" * 64
    assert link(GENESIS, 1, {"b": 1, "a": "é"}) == link(GENESIS, 1, {"a": "é", "b": 1})
    assert link(GENESIS, 1, {"a": 1}) != link(GENESIS, 2, {"a": 1})


def test_events_from_before_the_chain_are_chained_by_the_migration(database_url: str) -> None:
    schema.upgrade(database_url)
    before = Database(database_url)
    hold = before.write_now(prepare)
    before.write_now(lambda conn: record(conn, event_of(hold), hold))
    before.close()
    schema.downgrade(database_url, "0003")
    schema.upgrade(database_url)
    after = Database(database_url)
    assert findings(after) == []
    after.close()


def test_the_command(tmp_path: Path) -> None:
    def run() -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-m", "gateway.cli", "audit", "--json", "--data-dir", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)

    status, report = run()
    assert (status, report["differences"]) == (0, [])
    database = Database(f"sqlite:///{tmp_path / 'tollway.db'}")
    hold = database.write_now(prepare)
    database.write_now(lambda conn: record(conn, event_of(hold), hold))
    tamper(database, change(usage_events, hold.request_id, output_tokens=1))
    database.close()
    status, report = run()
    assert status == 1
    assert report["differences"][0]["where"] == hold.request_id


def test_what_the_database_itself_would_refuse_is_still_looked_for(
    database: Database, recorded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CHECKs and foreign keys stand in the way here; an audit does not rely on them."""
    account = database.read_now(list_accounts)[0]
    honest = database.read_now(lambda conn: credit.read_balance(conn, account.id))
    assert honest is not None
    overspent = msgspec.structs.replace(honest, held_nanousd=honest.granted_nanousd + 1)
    monkeypatch.setattr("gateway.metering.audit.credit.read_balance", lambda *_: overspent)
    assert any("overspent" in problem for _, problem in findings(database))
    monkeypatch.setattr("gateway.metering.audit.credit.read_balance", lambda *_: None)
    assert findings(database) == [("balances", "has no balance")]

    def lost(*_: object) -> None:
        raise NotFound("no such book")

    monkeypatch.setattr("gateway.metering.audit.catalog.by_version", lost)
    assert sum("worth None" in problem for _, problem in findings(database)) == EVENTS


def test_free_ends_are_worth_nothing(database: Database) -> None:
    hold = database.write_now(prepare)
    database.write_now(lambda conn: record(conn, event_of(hold, "worker_failed", 0), hold))
    assert findings(database) == []


def test_a_sample_is_kept_once(database: Database, recorded: list[str]) -> None:
    sample = DriftSample(
        request_id=recorded[0], model="m", worker="w", kind="vllm", worker_input_tokens=5, counted_input_tokens=3,
        worker_output_tokens=2, counted_output_tokens=1, explained_output_tokens=1, created_us=1,
    )  # fmt: skip
    for _ in range(2):
        database.write_now(lambda conn: insert_sample(conn, sample))
    (row,) = database.read_now(sum_drift)
    assert (row.samples, row.input_drift_tokens, row.input_differs, row.output_drift_tokens) == (1, 2, 1, 0)
