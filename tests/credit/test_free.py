"""The monthly free tier: renewed lazily and exactly once, spent first, gone at the month's end, never overspent."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.credit import free, settle, store
from gateway.credit.hold import place, place_whole
from gateway.credit.open import open_account
from gateway.credit.types import Balance, Hold, Order
from gateway.errors import InsufficientCredit
from gateway.keys.create import create_key
from gateway.kit import schema
from gateway.kit.clock import from_rfc3339, month_begin_us, next_month_us
from gateway.kit.db import Database, WriteConn
from gateway.kit.ids import new_id

MONTHLY = 1_000
JANUARY = from_rfc3339("2027-01-15T12:00:00Z")
FEBRUARY = from_rfc3339("2027-02-01T00:00:00Z")
Clock = Callable[[int], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    def set_to(instant_us: int) -> None:
        for module in (
            "gateway.credit.hold",
            "gateway.credit.free",
            "gateway.credit.open",
            "gateway.credit.settle",
        ):
            monkeypatch.setattr(f"{module}.now_us", lambda: instant_us)

    set_to(JANUARY)
    return set_to


def open_with_free(conn: WriteConn) -> tuple[str, str]:
    account = open_account(
        conn, new_id("acc"), grant_nanousd=500, kind="sign_up", reason="t", monthly_free_nanousd=MONTHLY
    )
    key, _ = create_key(conn, kind="account", account_id=account.id, name="k", key_secret=b"s")
    return account.id, key.id


def order(account: str, key: str, amount: int) -> Order:
    return Order(
        request_id=new_id("req"), account_id=account, key_id=key, prompt_nanousd=amount, output_tokens_max=1,
        output_price_nanousd_per_mtok=0, monthly_free_nanousd=MONTHLY, expires_us=JANUARY * 2,
    )  # fmt: skip


def hold(database: Database, account: str, key: str, amount: int) -> Hold:
    """As the pipeline does."""
    wanted = order(account, key, amount)
    return database.write_now(lambda conn: place_whole(conn, wanted)) or database.write_now(
        lambda conn: place(conn, wanted)
    )


def balance(database: Database, account: str) -> Balance:
    found = database.read_now(lambda conn: store.read_balance(conn, account))
    assert found is not None
    sums = database.read_now(lambda conn: store.sum_rows(conn, account))
    assert msgspec.structs.astuple(sums) == (found.granted_nanousd, found.settled_nanousd, found.held_nanousd)
    assert found.available_nanousd >= 0
    return found


def test_months() -> None:
    assert month_begin_us(JANUARY) == from_rfc3339("2027-01-01T00:00:00Z")
    assert next_month_us(JANUARY) == FEBRUARY == month_begin_us(FEBRUARY)
    assert next_month_us(from_rfc3339("2027-12-31T23:59:59Z")) == from_rfc3339("2028-01-01T00:00:00Z")


def test_it_is_there_at_once_and_spent_first(database: Database, clock: Clock) -> None:
    account, key = database.write_now(open_with_free)
    assert balance(database, account).granted_nanousd == 1_500
    held = hold(database, account, key, 400)
    database.write_now(lambda conn: settle.post(conn, held, 300))
    assert balance(database, account).free_left_nanousd == 700


def test_it_is_renewed_once_and_the_unused_rest_is_gone(database: Database, clock: Clock) -> None:
    account, key = database.write_now(open_with_free)
    database.write_now(lambda conn: settle.post(conn, hold_in(conn, account, key, 300), 300))
    clock(FEBRUARY)
    hold(database, account, key, 100)
    found = balance(database, account)
    assert (found.granted_nanousd, found.free_left_nanousd) == (500 + 300 + MONTHLY, MONTHLY)
    hold(database, account, key, 100)
    kinds = [grant.kind for grant in database.read_now(lambda conn: store.list_grants(conn, account))]
    assert sorted(kinds) == ["expiry", "monthly_free", "monthly_free", "sign_up"]


def hold_in(conn: WriteConn, account: str, key: str, amount: int) -> Hold:
    placed = place_whole(conn, order(account, key, amount))
    assert placed is not None
    return placed


def test_many_at_once_renew_once(database: Database, database_url: str, clock: Clock) -> None:
    account, key = database.write_now(open_with_free)
    clock(FEBRUARY)
    others = [Database(database_url) for _ in range(2)]
    writers = [database, *others]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: hold(writers[n % 3], account, key, 10), range(48)))
    for other in others:
        other.close()
    found = balance(database, account)
    assert (found.granted_nanousd, found.held_nanousd) == (500 + MONTHLY, 480)


def test_credit_that_is_held_is_not_taken_away(database: Database, clock: Clock) -> None:
    """A request over midnight: its hold pins the free credit it may spend."""
    account, key = database.write_now(open_with_free)
    over_midnight = hold(database, account, key, 1_400)
    clock(FEBRUARY)
    hold(database, account, key, 50)
    found = balance(database, account)
    assert found.granted_nanousd == 1_500 - 100 + MONTHLY, "only what nobody held expired"
    assert database.write_now(lambda conn: settle.post(conn, over_midnight, 1_400)) is not None
    assert balance(database, account).settled_nanousd == 1_400


def test_an_account_that_affords_nothing_gets_its_next_month(database: Database, clock: Clock) -> None:
    account, key = database.write_now(open_with_free)
    database.write_now(lambda conn: settle.post(conn, hold_in(conn, account, key, 1_500), 1_500))
    with pytest.raises(InsufficientCredit):
        hold(database, account, key, 1)
    clock(FEBRUARY)
    assert hold(database, account, key, 900).amount_nanousd == 900
    with pytest.raises(InsufficientCredit):
        hold(database, account, key, 900)


def test_without_a_free_tier_no_month_turns(database: Database, clock: Clock) -> None:
    account = database.write_now(
        lambda conn: open_account(conn, "a", grant_nanousd=10, kind="top_up", reason="t")
    )
    clock(FEBRUARY)
    found = balance(database, account.id)
    assert database.write_now(lambda conn: free.renew(conn, found, MONTHLY, FEBRUARY)) == found


def test_a_book_without_a_free_tier_only_takes_back(database: Database, clock: Clock) -> None:
    account, key = database.write_now(open_with_free)
    clock(FEBRUARY)
    wanted = msgspec.structs.replace(order(account, key, 1), monthly_free_nanousd=0)
    database.write_now(lambda conn: place(conn, wanted))
    assert balance(database, account).granted_nanousd == 500


STEPS = st.lists(st.tuples(st.sampled_from(["hold", "settle", "month"]), st.integers(0, 900)), max_size=25)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(STEPS)
def test_any_order_of_requests_and_months_keeps_p1(
    tmp_path_factory: pytest.TempPathFactory, clock: Clock, steps: list[tuple[str, int]]
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('free') / 'x.db'}"
    schema.upgrade(url)
    database = Database(url)
    now, open_holds = JANUARY, []
    clock(now)
    account, key = database.write_now(open_with_free)
    for step, number in steps:
        if step == "month":
            now = next_month_us(now)
            clock(now)
        elif step == "hold":
            try:
                open_holds.append(hold(database, account, key, number))
            except InsufficientCredit:
                assert balance(database, account).available_nanousd < number
        elif open_holds:
            chosen = open_holds.pop(number % len(open_holds))
            database.write_now(
                lambda conn, h=chosen, n=number: settle.post(conn, h, min(n, h.amount_nanousd))
            )  # type: ignore[misc]
        found = balance(database, account)
        assert 0 <= found.free_left_nanousd <= found.granted_nanousd
    database.close()
