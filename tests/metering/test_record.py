"""The one way into the ledger: an event with its settlement, exactly once."""

import msgspec
import pytest

from gateway.catalog.read_toml import shipped
from gateway.catalog.store import publish
from gateway.credit import settle, store
from gateway.credit.hold import place
from gateway.credit.open import open_account
from gateway.credit.types import Hold, Order
from gateway.errors import NotFound
from gateway.keys.create import create_key
from gateway.kit.db import Database, WriteConn
from gateway.kit.ids import new_id
from gateway.metering.receipt import read_receipt
from gateway.metering.record import HoldLost, record
from gateway.metering.types import Outcome, UsageEvent


def prepare(conn: WriteConn) -> Hold:
    publish(conn, shipped())
    account = open_account(conn, "a", grant_nanousd=10**9, kind="top_up", reason="t")
    key, _ = create_key(conn, kind="account", account_id=account.id, name="k", key_secret=b"s")
    return _place(conn, account.id, key.id)


def order(conn: WriteConn, like: Hold) -> Hold:
    """Another request of the same key."""
    return _place(conn, like.account_id, like.key_id)


def _place(conn: WriteConn, account_id: str, key_id: str) -> Hold:
    wanted = Order(
        request_id=new_id("req"), account_id=account_id, key_id=key_id, prompt_nanousd=10_000, output_tokens_max=10,
        output_price_nanousd_per_mtok=600_000_000, expires_us=10,
    )  # fmt: skip
    return place(conn, wanted)


def event_of(hold: Hold, outcome: Outcome = "completed", cost: int = 5 * 200 + 2 * 600) -> UsageEvent:
    return UsageEvent(
        request_id=hold.request_id, account_id=hold.account_id, key_id=hold.key_id, model="magistral-small-2509",
        worker="w", price_version=shipped().version, outcome=outcome, streamed=False, input_source="worker",
        image_source="worker", output_source="worker", reasoning_source="worker", input_tokens=5,
        input_image_tokens=0, input_cached_tokens=0, output_tokens=2, output_reasoning_tokens=0, cost_nanousd=cost,
        held_nanousd=hold.amount_nanousd, created_us=1, duration_us=1, first_byte_us=None,
    )  # fmt: skip


def test_recorded_twice_is_charged_once(database: Database) -> None:
    hold = database.write_now(prepare)
    first = database.write_now(lambda conn: record(conn, event_of(hold), hold))
    again = database.write_now(lambda conn: record(conn, event_of(hold, cost=0), hold))
    assert again.event == first.event
    assert again.balance == first.balance
    assert first.balance.settled_nanousd == 2_200
    receipt = database.read_now(lambda conn: read_receipt(conn, hold.account_id, hold.request_id))
    assert sum(line.cost_nanousd for line in receipt.lines) == 2_200


def test_a_hold_that_expired_is_not_charged(database: Database) -> None:
    hold = database.write_now(prepare)
    database.write_now(lambda conn: settle.expire(conn, hold.expires_us))
    with pytest.raises(HoldLost, match="nothing was charged"):
        database.write_now(lambda conn: record(conn, event_of(hold), hold))
    balance = database.read_now(lambda conn: store.read_balance(conn, hold.account_id))
    assert balance is not None
    assert (balance.settled_nanousd, balance.held_nanousd) == (0, 0)


def test_a_receipt_is_its_accounts_alone_and_free_ends_have_no_lines(database: Database) -> None:
    hold = database.write_now(prepare)
    free = event_of(hold, "worker_failed", 0)
    database.write_now(lambda conn: record(conn, free, hold))
    assert database.read_now(lambda conn: read_receipt(conn, hold.account_id, hold.request_id)).lines == ()
    with pytest.raises(NotFound):
        database.read_now(lambda conn: read_receipt(conn, "acc_other", hold.request_id))


@pytest.mark.parametrize(
    "wrong",
    [{"outcome": "worker_failed"}, {"cost_nanousd": 10**9}, {"input_image_tokens": 6}, {"input_cached_tokens": -1},
     {"output_reasoning_tokens": 3}],
)  # fmt: skip
def test_the_database_itself_refuses_events_that_cannot_be(
    database: Database, wrong: dict[str, object]
) -> None:
    from sqlalchemy.exc import IntegrityError

    from gateway.metering.store import insert_event

    hold = database.write_now(prepare)
    event = msgspec.structs.replace(event_of(hold), **wrong)
    with pytest.raises(IntegrityError):
        database.write_now(lambda conn: insert_event(conn, event))
