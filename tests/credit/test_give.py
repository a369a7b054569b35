"""Accounts, grants, corrections and credit limits, in the database."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from gateway.credit import store
from gateway.credit.give import CREDIT_NANOUSD_MAX, give, open_account, set_credit_limit
from gateway.credit.tables import balances
from gateway.errors import BadRequest, Conflict, NotFound
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.kit.ids import new_id
from gateway.kit.money import NANOS_PER_USD


def opened(database: Database, nanousd: int = 100, **options: Any) -> str:
    return database.write_now(
        lambda conn: open_account(
            conn, new_id("acc"), grant_nanousd=nanousd, kind="top_up", reason="t", **options
        )
    ).id


def test_grants_are_appended(database: Database) -> None:
    account = opened(database)
    later = now_us() + 10**12
    database.write_now(
        lambda conn: give(conn, account, 50, kind="promotion", reason="r", expires_us=later, priority=3)
    )
    database.write_now(lambda conn: give(conn, account, -30, kind="correction", reason="r"))
    found = database.read_now(lambda conn: store.read_balance(conn, account))
    assert found is not None
    assert (found.granted_nanousd, found.turn_us) == (120, later)
    listed = database.read_now(lambda conn: store.list_grants(conn, account))
    assert [(item.amount_nanousd, item.priority) for item in listed] == [(100, 30), (50, 3), (-30, 30)]
    left = database.read_now(lambda conn: store.list_open_grants(conn, account))
    assert sorted(each.left_nanousd for each in left) == [20, 100], "what expires first was taken first"


@pytest.mark.parametrize(
    ("amount", "options", "words"),
    [
        (0, {"kind": "top_up"}, "more than nothing"),
        (-1, {"kind": "top_up"}, "only a correction"),
        (1, {"kind": "monthly_free"}, "kind must be one of"),
        (1, {"kind": "top_up", "expires_us": 1}, "in the future"),
        (-1, {"kind": "correction", "expires_us": 2**60}, "does not expire"),
    ],
)
def test_what_is_no_grant(database: Database, amount: int, options: dict[str, Any], words: str) -> None:
    account = opened(database)
    with pytest.raises(BadRequest, match=words):
        database.write_now(lambda conn: give(conn, account, amount, reason="r", **options))


def test_a_correction_takes_no_more_than_is_there(database: Database) -> None:
    account = opened(database)
    with pytest.raises(Conflict, match="running requests may hold the rest"):
        database.write_now(lambda conn: give(conn, account, -101, kind="correction", reason="r"))
    with pytest.raises(NotFound):
        database.write_now(lambda conn: give(conn, "acc_none", 1, kind="top_up", reason="r"))


def test_a_credit_limit_is_set_and_lowered_no_further_than_it_is_used(database: Database) -> None:
    account = opened(database, 0)
    assert database.write_now(lambda conn: set_credit_limit(conn, account, 500)).available_nanousd == 500

    def use(conn: Any) -> None:
        purse = store.lock_purses(conn, [account])[account]
        purse.draw(300)
        store.save_purses(conn, [purse])

    database.write_now(use)
    with pytest.raises(Conflict, match=r"\$0.000000001 more"):
        database.write_now(lambda conn: set_credit_limit(conn, account, 299))
    assert database.write_now(lambda conn: set_credit_limit(conn, account, 300)).available_nanousd == 0
    with pytest.raises(BadRequest):
        database.write_now(lambda conn: set_credit_limit(conn, account, -1))


def test_an_account_may_begin_postpaid_and_with_a_free_tier(database: Database) -> None:
    account = opened(database, 0, credit_limit_nanousd=7, monthly_free_nanousd=1_000)
    found = database.read_now(lambda conn: store.read_balance(conn, account))
    assert found is not None
    assert (found.granted_nanousd, found.available_nanousd) == (1_000, 1_007)
    assert found.renew_us > now_us()


@pytest.mark.parametrize(
    ("name", "grant", "limit"),
    [("", 1, 0), ("  ", 1, 0), ("n" * 201, 1, 0), ("fine", -1, 0), ("fine", 1, -1)],
)
def test_an_account_needs_a_name_and_no_debt(database: Database, name: str, grant: int, limit: int) -> None:
    with pytest.raises(BadRequest):
        database.write_now(
            lambda conn: open_account(
                conn, name, grant_nanousd=grant, kind="top_up", reason="r", credit_limit_nanousd=limit
            )
        )


def test_names_are_unique(database: Database) -> None:
    make = lambda conn: open_account(conn, "same", grant_nanousd=0, kind="top_up", reason="r")  # noqa: E731
    database.write_now(make)
    with pytest.raises(Conflict, match="choose another name"):
        database.write_now(make)


def test_the_database_itself_refuses_an_overspend(database: Database) -> None:
    statement = update(balances).where(balances.c.account_id == opened(database, 1_000))
    for values in ({"held_nanousd": 1001}, {"settled_nanousd": -1}, {"granted_nanousd": -1}):
        with pytest.raises(IntegrityError):
            database.write_now(lambda conn, values=values: conn.execute(statement.values(values)))  # type: ignore[misc]


def test_no_account_has_more_than_the_ledger_can_hold(database: Database) -> None:
    """A BIGINT would overflow, and with it every later write of the account."""
    with pytest.raises(BadRequest, match="at most"):
        opened(database, CREDIT_NANOUSD_MAX + 1)
    account = opened(database, CREDIT_NANOUSD_MAX - 10, monthly_free_nanousd=NANOS_PER_USD)
    with pytest.raises(BadRequest, match="at most"):
        database.write_now(lambda conn: give(conn, account, 11, kind="top_up", reason="r"))
    with pytest.raises(BadRequest, match="at most"):
        database.write_now(lambda conn: set_credit_limit(conn, account, CREDIT_NANOUSD_MAX))
    found = database.read_now(lambda conn: store.read_balance(conn, account))
    assert found is not None
    assert found.granted_nanousd == CREDIT_NANOUSD_MAX - 10 + NANOS_PER_USD
    free = database.read_now(lambda conn: store.list_open_grants(conn, account))
    assert sum(each.left_nanousd for each in free) == found.granted_nanousd
