"""A ledger from before leases and volumes: its receipts keep their hashes, and everything agrees after migration 0007."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import create_engine, text

from gateway.catalog.read_toml import shipped
from gateway.catalog.store import publish
from gateway.catalog.types import TOKEN_CLASSES
from gateway.credit.store import list_open_grants, read_balance
from gateway.kit import schema
from gateway.kit.clock import DAY_US, HOUR_US, month_number
from gateway.kit.db import Database
from gateway.metering.audit import audit
from gateway.metering.chain import GENESIS, link
from gateway.metering.receipt import read_receipt
from gateway.rollups.store import read_marks, sum_by
from gateway.rollups.tables import SUMMED
from gateway.rollups.types import Detail
from tests.fixtures.ledger import JANUARY, Books, order, serve

HELD, COST = 10_000, 5 * 200 + 2 * 600
NEVER = 2**63 - 1
EVER = (0, 10**9)

OLD: list[tuple[str, list[dict[str, Any]]]] = [
    ("accounts", [{"id": "acc_1", "name": "old", "created_us": 1}]),
    (
        "api_keys",
        [
            {
                "id": "key_1",
                "kind": "account",
                "account_id": "acc_1",
                "name": "k",
                "hint": "tw_",
                "hash": "h",
                "created_us": 1,
            }
        ],
    ),
    (
        "balances",
        [
            {
                "account_id": "acc_1",
                "granted_nanousd": 100_000,
                "settled_nanousd": 2 * COST,
                "held_nanousd": HELD,
                "credit_limit_nanousd": 0,
                "free_left_nanousd": 50_000 - 2 * COST,
                "free_until_us": JANUARY + 10**12,
            }
        ],
    ),
    (
        "grants",
        [
            {"id": "grt_1", "account_id": "acc_1", "kind": "sign_up", "amount_nanousd": 50_000, "reason": "t", "created_us": 1, "expires_us": None},
            {"id": "grt_2", "account_id": "acc_1", "kind": "monthly_free", "amount_nanousd": 50_000, "reason": "t", "created_us": 2, "expires_us": JANUARY + 10**12},
        ],
    ),
    (
        "holds",
        [
            {"request_id": f"req_{n}", "account_id": "acc_1", "key_id": "key_1", "amount_nanousd": HELD, "output_tokens_max": 2, "created_us": JANUARY, "expires_us": JANUARY}
            for n in (1, 2, 3)
        ],
    ),
    (
        "hold_resolutions",
        [{"request_id": f"req_{n}", "kind": "posted", "amount_nanousd": COST, "created_us": 1} for n in (1, 2)],
    ),
]  # fmt: skip
EVENT = {
    "account_id": "acc_1", "key_id": "key_1", "model": "magistral-small-2509", "worker": "w",
    "price_version": shipped().version, "outcome": "completed", "streamed": False, "input_source": "worker",
    "image_source": "worker", "output_source": "worker", "reasoning_source": "worker", "input_tokens": 5,
    "input_image_tokens": 0, "input_cached_tokens": 0, "output_tokens": 2, "output_reasoning_tokens": 0,
    "cost_nanousd": COST, "held_nanousd": HELD, "created_us": JANUARY, "duration_us": 1, "first_byte_us": None,
}  # fmt: skip


def insert(conn: Any, table: str, row: dict[str, Any]) -> None:
    columns = ", ".join(row)
    conn.execute(
        text(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(f':{name}' for name in row)})"), row
    )


@pytest.fixture
def migrated(database_url: str) -> Any:
    schema.upgrade(database_url, "0006")
    before = Database(database_url)
    before.write_now(lambda conn: publish(conn, shipped()))
    before.close()
    engine = create_engine(database_url)
    with engine.begin() as conn:
        for table, rows in OLD:
            for row in rows:
                insert(conn, table, row)
        last = GENESIS
        for seq in (1, 2):
            event = {"request_id": f"req_{seq}", **EVENT}
            last = link(last, seq, event)
            insert(conn, "usage_events", event | {"account_seq": seq, "chain_hash": last})
    engine.dispose()
    schema.upgrade(database_url)
    database = Database(database_url)
    yield database, last
    database.close()


def test_an_old_ledger_is_carried_over(migrated: tuple[Database, str]) -> None:
    database, last = migrated
    assert database.read_now(lambda conn: audit(conn, JANUARY)).differences == ()
    found = database.read_now(lambda conn: read_balance(conn, "acc_1"))
    assert found is not None
    assert (found.held_nanousd, found.settled_nanousd) == (0, 2 * COST), "what ran is given back"
    assert (found.chain_seq, found.chain_hash) == (2, last)
    assert found.renew_us == found.turn_us == JANUARY + 10**12
    left = {
        each.grant_id: each.left_nanousd
        for each in database.read_now(lambda conn: list_open_grants(conn, "acc_1"))
    }
    assert left == {"grt_1": 50_000, "grt_2": 50_000 - 2 * COST}
    receipt = database.read_now(lambda conn: read_receipt(conn, "acc_1", "req_1"))
    assert [line.discount_percent for line in receipt.lines] == [0, 0]
    assert receipt.event.starts is None


def test_it_goes_on_from_there(migrated: tuple[Database, str]) -> None:
    database, _ = migrated
    books = Books(database, msgspec.structs.replace(shipped(), version=7))
    settled = books.do(serve(books.writer(), books, order(("acc_1", "key_1"))))
    assert settled.event.input_text_start == 0, "volumes begin with the first request that claims one"
    assert books.findings() == ()
    books.close()


def test_there_is_no_way_back_with_events(database_url: str, migrated: tuple[Database, str]) -> None:
    with pytest.raises(RuntimeError, match="restore the backup"):
        schema.downgrade(database_url, "0006")


def test_a_ledger_from_before_projects_is_carried_over(database_url: str) -> None:
    """Counters, and what a process that died meanwhile holds of a key's cap; receipts keep their hashes."""
    schema.upgrade(database_url, "0016")
    before = Database(database_url)
    before.write_now(lambda conn: publish(conn, shipped()))
    before.close()
    event = {"request_id": "req_1", **EVENT, **{f"{name}_start": 0 for name in TOKEN_CLASSES}}
    place = {"account_seq": 1, "chain_hash": link(GENESIS, 1, event)}
    hour = JANUARY // HOUR_US
    engine = create_engine(database_url)
    with engine.begin() as conn:
        insert(conn, "accounts", OLD[0][1][0])
        insert(conn, "api_keys", OLD[1][1][0])
        insert(conn, "balances", {
            "account_id": "acc_1", "granted_nanousd": 50_000, "settled_nanousd": COST, "held_nanousd": HELD,
            "credit_limit_nanousd": 0, "renew_us": NEVER, "turn_us": NEVER, "chain_seq": 1, "chain_hash": place["chain_hash"],
        })  # fmt: skip
        insert(conn, "grants", OLD[3][1][0] | {"priority": 20})
        insert(conn, "open_grants", {"grant_id": "grt_1", "account_id": "acc_1", "left_nanousd": 50_000 - COST,
                                     "expires_us": NEVER, "priority": 20, "created_us": 1})  # fmt: skip
        insert(conn, "grant_uses", {"grant_id": "grt_1", "used_by": "req_1", "amount_nanousd": COST})
        insert(conn, "usage_events", event | place)
        for name, tokens in (("input_text", 5), ("output_text", 2)):
            insert(conn, "tier_counters", {"account_id": "acc_1", "month": "2027-01", "model": EVENT["model"],
                                           "token_class": name, "tokens": tokens})  # fmt: skip
        insert(conn, "processes", {"id": "prc_1", "batch": 1, "expires_us": JANUARY})
        lease = {
            "process_id": "prc_1",
            "account_id": "acc_1",
            "key_id": "key_1",
            "day_us": JANUARY // DAY_US * DAY_US,
        }
        insert(conn, "leases", lease | {"held_nanousd": HELD})
        for period in ("day:2027-01-15", "month:2027-01", "total"):
            insert(conn, "key_counters", {"key_id": "key_1", "account_id": "acc_1", "period": period,
                                          "settled_nanousd": COST, "held_nanousd": HELD})  # fmt: skip
        summed = {"account_id": "acc_1", "key_id": "key_1", "model": "m", "requests": 1, "unbilled_requests": 0,
                  **dict.fromkeys(SUMMED, 7)}  # fmt: skip
        insert(conn, "usage_hours", summed | {"hour": hour})
        insert(conn, "usage_days", summed | {"day": hour // 24})
        insert(conn, "rollup_marks", {"account_id": "acc_1", "account_seq": 1})
        insert(conn, "usage_months", summed | {"month": month_number(JANUARY)})
    engine.dispose()
    schema.upgrade(database_url)
    books = Books(Database(database_url))
    assert books.findings() == ()
    assert books.database.read_now(lambda conn: read_receipt(conn, "acc_1", "req_1")).event.project_id is None
    _is_carried_over(books.database, hour)
    assert books.bury() == 1
    assert books.balance("acc_1").held_nanousd == 0
    assert books.findings() == ()
    books.close()
    books.database.close()
    schema.downgrade(database_url, "0016")
    schema.upgrade(database_url)


def _is_carried_over(database: Database, hour: int) -> None:
    """Sums stay: in no project, without what workers cost, and not told apart."""
    for period, number in (("hour", hour), ("day", hour // 24), ("month", month_number(JANUARY))):
        ((group, sums),) = database.read_now(
            lambda conn, period=period: sum_by(conn, period, EVER, "period", "project_id", account_id="acc_1")  # type: ignore[misc]
        )
        assert (group, sums.requests, sums.cost_nanousd) == ((number, ""), 1, 7)
        assert (sums.worker_cost_nanousd, sums.cost_known_nanousd) == (0, 0)
        ((_, detail),) = database.read_now(
            lambda conn, period=period: sum_by(conn, period, EVER, "period", kind=Detail, account_id="acc_1")  # type: ignore[misc]
        )
        assert (detail.unsplit_requests, detail.unsplit_nanousd) == (1, 7)
    assert database.read_now(lambda conn: read_marks(conn, "acc_1")) == (1, 1)


def test_there_is_no_way_back_with_projects(database_url: str) -> None:
    schema.upgrade(database_url)
    books = Books(Database(database_url))
    books.project(books.account(1)[0])
    books.close()
    books.database.close()
    with pytest.raises(RuntimeError, match="restore the backup"):
        schema.downgrade(database_url, "0016")
