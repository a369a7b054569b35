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
from gateway.credit.tables import balances, counters, grant_uses, grants, open_grants
from gateway.credit.types import Caps, Order
from gateway.errors import NotFound
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.metering.audit import audit
from gateway.metering.chain import GENESIS, link
from gateway.metering.store import insert_sample, sum_drift
from gateway.metering.tables import tier_counters, usage_events
from gateway.metering.types import DriftSample
from tests.fixtures.ledger import Books, order, serve

EVENTS = 5
COST = 5 * 200 + 2 * 600


@pytest.fixture
def recorded(books: Books) -> list[str]:
    """One account with five recorded requests in a project, and one that is still held of its budget."""
    owner, writer = books.account(10**9), books.writer()
    project, budget = books.project(owner[0]), Caps(total_nanousd=10**9)

    def wanted() -> Order:
        return order(owner, project=project, project_caps=budget)

    found = [books.do(serve(writer, books, wanted())).event.request_id for _ in range(EVENTS)]
    books.do(writer.hold(wanted()))
    return found


def findings(database: Database, later_us: int = 0) -> list[tuple[str, str]]:
    report = database.read_now(lambda conn: audit(conn, later_us))
    return [(difference.where, difference.problem) for difference in report.differences]


def tamper(database: Database, statement: Any) -> None:
    database.write_now(lambda conn: conn.execute(statement))


def test_an_untouched_ledger_agrees(database: Database, recorded: list[str]) -> None:
    report = database.read_now(lambda conn: audit(conn, 0))
    assert report.differences == ()
    assert (report.accounts, report.events, report.settled_nanousd) == (1, EVENTS, EVENTS * COST)


def test_what_a_worker_cost_is_no_part_of_a_receipt(database: Database, recorded: list[str]) -> None:
    """Customers could not derive a hash from what they do not see; and hashes from before stay what they were."""
    fields = {"request_id": "req_1", "cost_nanousd": 5}
    assert link(GENESIS, 1, fields) == link(GENESIS, 1, fields | {"worker_cost_nanousd": 3})
    assert link(GENESIS, 1, fields) == link(GENESIS, 1, fields | {"worker_cost_nanousd": None})
    tamper(database, change(usage_events, recorded[2], worker_cost_nanousd=3))
    assert findings(database) == []


def change(table: Table, row: str, **values: Any) -> Any:
    return update(table).where(table.c.request_id == row).values(**values)


is_key = counters.c.subject_id.startswith("key_")

TAMPERING: list[tuple[str, Callable[[list[str]], Any], list[str]]] = [
    (
        "an edited count",
        lambda ids: change(usage_events, ids[2], output_tokens=1),
        ["hash", "worth 1600", "output_text begin at 6", "output_text begin at 8", "volume"],
    ),
    (
        "an edited cost",
        lambda ids: change(usage_events, ids[2], cost_nanousd=1),
        ["hash", "worth 2200", "grants paid", *["settled is"] * 7],
    ),
    (
        "an edited model",
        lambda ids: change(usage_events, ids[2], model="m"),
        ["hash", "worth None", *["begin at"] * 6, *["volume"] * 4],
    ),
    ("an edited hash", lambda ids: change(usage_events, ids[2], chain_hash="0" * 64), ["hash", "hash"]),
    (
        "a removed event",
        lambda ids: delete(usage_events).where(usage_events.c.request_id == ids[2]),
        ["missing", "hash", *["begin at"] * 4, "settled is", *["volume"] * 2, *["settled is"] * 6],
    ),
    (
        "a removed last event",
        lambda ids: delete(usage_events).where(usage_events.c.request_id == ids[4]),
        ["settled is", "last receipt", *["volume"] * 2, *["settled is"] * 6],
    ),
    (
        "an edited volume",
        lambda ids: (
            update(tier_counters).where(tier_counters.c.token_class == "output_text").values(tokens=0)
        ),
        ["the month's volume is 0, but its receipts claim 10"],
    ),
    (
        "an edited range",
        lambda ids: change(usage_events, ids[2], output_text_start=0),
        ["hash", "output_text begin at 0 of the month's volume, not at 4"],
    ),
    (
        "an edited counter",
        lambda ids: update(balances).values(settled_nanousd=1),
        [
            "settled is",
            "left of",
        ],
    ),
    (
        "credit from nowhere",
        lambda ids: update(balances).values(granted_nanousd=2 * 10**9),
        ["granted", "left of"],
    ),
    ("an edited grant", lambda ids: update(grants).values(amount_nanousd=1), ["granted", "used of"]),
    ("an edited rest", lambda ids: update(open_grants).values(left_nanousd=1), ["left of", "used of"]),
    (
        "an edited use",
        lambda ids: update(grant_uses).where(grant_uses.c.used_by == ids[2]).values(amount_nanousd=10**6),
        ["grants paid 1000000", "used of"],
    ),
    (
        "an edited key",
        lambda ids: update(counters).where(is_key, counters.c.period == "total").values(held_nanousd=7),
        ["held is 7, but its rows add up to 0"],
    ),
    (
        "an edited project",
        lambda ids: update(counters).where(~is_key).values(settled_nanousd=0),
        ["settled is 0, but its rows add up to 11000"] * 3,
    ),
    (
        "a budget that forgets what it holds",
        lambda ids: update(counters).where(~is_key).values(held_nanousd=0),
        ["held is 0, but its rows add up to 7000"] * 3,
    ),
    (
        "an event in another project",
        lambda ids: change(usage_events, ids[2], project_id=None),
        ["hash", *["settled is 11000, but its rows add up to 8800"] * 3],
    ),
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


def test_a_dead_process_that_nobody_cleared_up_after_is_named(books: Books, recorded: list[str]) -> None:
    assert findings(books.database) == []
    ((where, problem),) = findings(books.database, later_us=books.now + 10**9)
    assert where.startswith("prc_")
    assert "died" in problem
    books.bury()
    assert findings(books.database, later_us=books.now + 10**9) == []


def test_the_chain_is_the_documented_one() -> None:
    assert GENESIS == "0" * 64
    assert link(GENESIS, 1, {"b": 1, "a": "é"}) == link(GENESIS, 1, {"a": "é", "b": 1})
    assert link(GENESIS, 1, {"a": 1}) != link(GENESIS, 2, {"a": 1})


def test_the_command(tmp_path: Path) -> None:
    def run() -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-m", "gateway.cli", "audit", "--json", "--data-dir", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)

    status, report = run()
    assert (status, report["differences"]) == (0, [])
    database = Database(f"sqlite:///{tmp_path / 'tollway.db'}")
    books = Books(database)
    books.now = now_us()
    settled = books.do(serve(books.writer(), books, order(books.account(10**9))))
    tamper(database, change(usage_events, settled.event.request_id, output_tokens=1))
    books.close()
    database.close()
    status, report = run()
    assert status == 1
    assert report["differences"][0]["where"] == settled.event.request_id


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


def test_a_sample_is_kept_once(database: Database, recorded: list[str]) -> None:
    sample = DriftSample(
        request_id=recorded[0], model="m", worker="w", kind="vllm", worker_input_tokens=5, counted_input_tokens=3,
        worker_output_tokens=2, counted_output_tokens=1, explained_output_tokens=1, created_us=1,
    )  # fmt: skip
    for _ in range(2):
        database.write_now(lambda conn: insert_sample(conn, sample))
    (row,) = database.read_now(sum_drift)
    assert (row.samples, row.input_drift_tokens, row.input_differs, row.output_drift_tokens) == (1, 2, 1, 0)
