"""P1 at its narrowest: holds on the last cent, from many threads and several processes' worth of connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credit import settle, store
from gateway.credit.hold import place, place_whole
from gateway.credit.open import give, open_account
from gateway.credit.types import Balance, Order
from gateway.errors import BadRequest, Conflict, InsufficientCredit, NotFound
from gateway.keys.create import create_key
from gateway.kit.db import Database
from gateway.kit.ids import new_id

Open = Callable[[int], tuple[str, str]]


@pytest.fixture
def opened(database: Database) -> Open:
    """Opens an account with so many nano-dollars; returns the ids of account and key."""

    def make(nanousd: int) -> tuple[str, str]:
        def work(conn: object) -> tuple[str, str]:
            account = open_account(conn, new_id("acc"), grant_nanousd=nanousd, kind="top_up", reason="t")  # type: ignore[arg-type]
            key, _ = create_key(conn, kind="account", account_id=account.id, name="k", key_secret=b"s")  # type: ignore[arg-type]
            return account.id, key.id

        return database.write_now(work)

    return make


def order(account: str, key: str, *, prompt: int = 100, tokens: int = 10, price: int = 10**7) -> Order:
    return Order(
        request_id=new_id("req"),
        account_id=account,
        key_id=key,
        prompt_nanousd=prompt,
        output_tokens_max=tokens,
        output_price_nanousd_per_mtok=price,
        expires_us=10,
    )


def balance(database: Database, account: str) -> Balance:
    found = database.read_now(lambda conn: store.read_balance(conn, account))
    assert found is not None
    sums = database.read_now(lambda conn: store.sum_rows(conn, account))
    assert msgspec.structs.astuple(sums) == (found.granted_nanousd, found.settled_nanousd, found.held_nanousd)
    return found


def test_a_hold_takes_prompt_and_answer(database: Database, opened: Open) -> None:
    account, key = opened(1000)
    hold = database.write_now(lambda conn: place(conn, order(account, key)))
    assert (hold.amount_nanousd, hold.output_tokens_max) == (100 + 100, 10)
    assert balance(database, account).available_nanousd == 800


def test_a_short_balance_clamps_the_answer(database: Database, opened: Open) -> None:
    account, key = opened(150)
    hold = database.write_now(lambda conn: place(conn, order(account, key)))
    assert (hold.amount_nanousd, hold.output_tokens_max) == (150, 5)
    assert balance(database, account).available_nanousd == 0


@pytest.mark.parametrize("credit", [0, 99, 100, 109])
def test_less_than_the_prompt_and_one_token_is_refused(database: Database, opened: Open, credit: int) -> None:
    account, key = opened(credit)
    with pytest.raises(InsufficientCredit) as refusal:
        database.write_now(lambda conn: place(conn, order(account, key)))
    assert refusal.value.extra == {"needed_nanousd": 110, "available_nanousd": credit}
    assert balance(database, account).held_nanousd == 0


def test_all_or_nothing_in_one_statement(database: Database, opened: Open) -> None:
    account, key = opened(399)
    first = database.write_now(lambda conn: place_whole(conn, order(account, key)))
    assert first is not None
    assert first.amount_nanousd == 200
    assert database.write_now(lambda conn: place_whole(conn, order(account, key))) is None
    assert balance(database, account).held_nanousd == 200


def test_free_output_is_never_clamped(database: Database, opened: Open) -> None:
    account, key = opened(100)
    hold = database.write_now(lambda conn: place(conn, order(account, key, price=0)))
    assert (hold.amount_nanousd, hold.output_tokens_max) == (100, 10)
    broke, its_key = opened(50)
    with pytest.raises(InsufficientCredit):
        database.write_now(lambda conn: place(conn, order(broke, its_key, price=0)))


def test_exactly_what_is_affordable_is_held_by_many_at_once(
    database: Database, database_url: str, opened: Open
) -> None:
    """300 threads over three writers, as three processes would; the account affords 100."""
    account, key = opened(100 * 200)
    writers = [database, Database(database_url), Database(database_url)]

    def attempt(number: int) -> int:
        wanted = order(account, key, prompt=190, tokens=1)
        try:
            return writers[number % 3].write_now(lambda conn: place(conn, wanted)).amount_nanousd
        except InsufficientCredit:
            return 0

    with ThreadPoolExecutor(32) as pool:
        held = list(pool.map(attempt, range(300)))
    for extra in writers[1:]:
        extra.close()
    assert held.count(200) == 100
    assert balance(database, account).available_nanousd == 0


def test_a_group_that_runs_twice_holds_once(database: Database, opened: Open) -> None:
    account, key = opened(1000)
    wanted = order(account, key)
    first = database.write_now(lambda conn: place(conn, wanted))
    again = database.write_now(lambda conn: place(conn, wanted))
    assert again == first
    assert balance(database, account).held_nanousd == first.amount_nanousd


def test_a_hold_is_resolved_once(database: Database, opened: Open) -> None:
    account, key = opened(1000)
    hold = database.write_now(lambda conn: place(conn, order(account, key)))
    after = database.write_now(lambda conn: settle.post(conn, hold, 30))
    assert after is not None
    assert (after.settled_nanousd, after.held_nanousd, after.remaining_nanousd) == (30, 0, 970)
    assert database.write_now(lambda conn: settle.post(conn, hold, 30)) is None
    assert database.write_now(lambda conn: settle.expire(conn, 100)) == 0
    assert balance(database, account).settled_nanousd == 30


def test_what_a_dead_process_held_is_given_back(database: Database, opened: Open) -> None:
    account, key = opened(1000)
    hold = database.write_now(lambda conn: place(conn, order(account, key)))
    assert database.write_now(lambda conn: settle.expire(conn, hold.expires_us - 1)) == 0
    assert database.write_now(lambda conn: settle.expire(conn, hold.expires_us)) == 1
    assert database.write_now(lambda conn: settle.expire(conn, hold.expires_us)) == 0
    assert balance(database, account).available_nanousd == 1000
    assert database.write_now(lambda conn: settle.post(conn, hold, 30)) is None, "too late: it is not billed"


def test_the_database_itself_refuses_an_overspend(database: Database, opened: Open) -> None:
    from sqlalchemy import update
    from sqlalchemy.exc import IntegrityError

    from gateway.credit.tables import balances

    account, _ = opened(1000)
    statement = update(balances).where(balances.c.account_id == account)
    for values in ({"held_nanousd": 1001}, {"settled_nanousd": -1}, {"granted_nanousd": -1}):
        with pytest.raises(IntegrityError):
            database.write_now(lambda conn, values=values: conn.execute(statement.values(values)))  # type: ignore[misc]


def test_a_bill_beyond_its_hold_is_a_bug(database: Database, opened: Open) -> None:
    account, key = opened(1000)
    hold = database.write_now(lambda conn: place(conn, order(account, key)))
    with pytest.raises(AssertionError):
        database.write_now(lambda conn: settle.post(conn, hold, hold.amount_nanousd + 1))
    assert balance(database, account).held_nanousd == hold.amount_nanousd


def test_grants(database: Database, opened: Open) -> None:
    account, _ = opened(100)
    grant = database.write_now(lambda conn: give(conn, account, 50, kind="promotion", reason="r"))
    assert database.write_now(lambda conn: store.insert_grant(conn, grant)) is False, "once"
    database.write_now(lambda conn: give(conn, account, -30, kind="correction", reason="r"))
    assert balance(database, account).granted_nanousd == 120
    listed = database.read_now(lambda conn: store.list_grants(conn, account))
    assert [item.amount_nanousd for item in listed] == [100, 50, -30]
    for amount, kind in ((0, "top_up"), (-1, "top_up")):
        with pytest.raises(BadRequest):
            database.write_now(lambda conn, a=amount, k=kind: give(conn, account, a, kind=k, reason="r"))  # type: ignore[misc]


@pytest.mark.parametrize(("name", "grant"), [("", 1), ("  ", 1), ("n" * 201, 1), ("fine", -1)])
def test_an_account_needs_a_name_and_no_debt(database: Database, name: str, grant: int) -> None:
    with pytest.raises(BadRequest):
        database.write_now(
            lambda conn: open_account(conn, name, grant_nanousd=grant, kind="top_up", reason="r")
        )


def test_names_are_unique(database: Database) -> None:
    make = lambda conn: open_account(conn, "same", grant_nanousd=0, kind="top_up", reason="r")  # noqa: E731
    database.write_now(make)
    with pytest.raises(Conflict, match="choose another name"):
        database.write_now(make)


def test_no_balance_no_hold(database: Database) -> None:
    with pytest.raises(NotFound):
        database.write_now(lambda conn: place(conn, order("acc_none", "key_none")))
    assert database.read_now(lambda conn: store.read_balance(conn, "acc_none")) is None
    assert database.read_now(lambda conn: store.find_hold(conn, "req_none")) is None


@given(st.integers(0, 10**12), st.integers(0, 10**9), st.integers(1, 10**6), st.integers(0, 10**9))
def test_what_a_short_balance_affords_never_exceeds_it(
    available: int, prompt: int, tokens: int, price: int
) -> None:
    from gateway.credit.hold import _affordable
    from gateway.kit.money import cost_nanousd

    wanted = order("a", "k", prompt=prompt, tokens=tokens, price=price)
    affordable = _affordable(wanted, available)
    assert 0 <= affordable <= tokens
    if affordable:
        assert prompt + cost_nanousd(affordable, price) <= available
