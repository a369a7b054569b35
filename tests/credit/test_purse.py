"""What happens to an account's credit, as arithmetic: grants burn down in order, expire, are owed and repaid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credit.burn import burn
from gateway.credit.purse import Purse, new_grant
from gateway.credit.types import NEVER_US, Balance, Grant, GrantKind, OpenGrant

MONTHLY = 1_000
NOW = 1_800_000_000_000_000
DAY = 86_400_000_000


def purse(*grants: Grant, limit: int = 0, held: int = 0, renew_us: int = NEVER_US) -> Purse:
    balance = Balance(
        account_id="a", granted_nanousd=0, settled_nanousd=0, held_nanousd=0, credit_limit_nanousd=limit,
        renew_us=renew_us, turn_us=renew_us,
    )  # fmt: skip
    opened = Purse(balance, [])
    for grant in grants:
        opened.add(grant)
    opened.draw(held)
    return opened


def grant(amount: int, kind: GrantKind = "top_up", *, expires_us: int | None = None, at: int = NOW) -> Grant:
    return new_grant("a", kind, amount, "t", at, expires_us=expires_us)


def left(opened: Purse) -> dict[str, int]:
    kinds = {each.id: each.kind for each in opened.new_grants}
    return {kinds[each.grant_id]: each.left_nanousd for each in opened.open_grants}


def check(opened: Purse) -> None:
    """The identities of docs/ledger.md."""
    balance = opened.balance
    assert balance.available_nanousd >= 0 or balance.held_nanousd == 0
    assert balance.granted_nanousd == sum(each.amount_nanousd for each in opened.new_grants)
    assert sum(each.left_nanousd for each in opened.open_grants) == max(
        0, balance.granted_nanousd - balance.settled_nanousd
    )
    positive = sum(each.amount_nanousd for each in opened.new_grants if each.amount_nanousd > 0)
    assert positive == sum(each.left_nanousd for each in opened.open_grants) + sum(
        use.amount_nanousd for use in opened.new_uses
    )


def spend(opened: Purse, amount: int, begun_us: int = NOW) -> None:
    opened.draw(amount)
    opened.spend(amount, f"req_{len(opened.new_uses)}", begun_us)
    check(opened)


def test_soonest_to_expire_then_priority_then_oldest() -> None:
    opened = purse(
        grant(100, "top_up"),
        grant(100, "promotion"),
        grant(100, "sign_up", expires_us=NOW + 2 * DAY),
        grant(100, "monthly_free", expires_us=NOW + DAY),
    )
    spend(opened, 150)
    assert left(opened) == {"top_up": 100, "promotion": 100, "sign_up": 50, "monthly_free": 0}
    spend(opened, 100)
    assert left(opened) == {"top_up": 100, "promotion": 50, "sign_up": 0, "monthly_free": 0}
    assert opened.balance.turn_us == NOW + DAY


def test_of_two_alike_the_older_goes_first() -> None:
    first, second = grant(10, at=1), grant(10, at=2)
    opened = purse(second, first)
    spend(opened, 10)
    assert [use.grant_id for use in opened.new_uses] == [first.id]


def test_what_expired_is_taken_back_once() -> None:
    opened = purse(grant(100, "promotion", expires_us=NOW + DAY), grant(50))
    spend(opened, 30)
    opened.turn(0, NOW + DAY - 1)
    assert opened.available_nanousd == 120
    for _ in range(2):
        opened.turn(0, NOW + DAY)
        assert (opened.available_nanousd, opened.balance.granted_nanousd) == (50, 80)
        assert opened.balance.turn_us == NEVER_US
    assert [each.kind for each in opened.new_grants] == ["promotion", "top_up", "expiry"]
    check(opened)


def test_credit_that_is_held_does_not_expire_under_its_request() -> None:
    opened = purse(grant(100, "promotion", expires_us=NOW + DAY), held=70)
    opened.turn(0, NOW + DAY)
    assert opened.balance.granted_nanousd == 70
    opened.spend(50, "req_1", NOW)
    opened.give_back(20)
    opened.turn(0, NOW + DAY)
    assert (opened.available_nanousd, opened.balance.granted_nanousd) == (0, 50)
    check(opened)


def test_a_request_that_began_after_an_expiry_spends_other_credit_first() -> None:
    opened = purse(grant(100, "promotion", expires_us=NOW + DAY), grant(100), held=100)
    opened.turn(0, NOW + DAY)
    spend(opened, 60, begun_us=NOW + DAY)
    assert left(opened) == {"promotion": 100, "top_up": 40}


def test_the_free_tier_is_given_once_a_month() -> None:
    january, february = 1_799_971_200_000_000, 1_801_440_000_000_000  # 2027-01-15, 2027-02-01
    opened = purse(grant(500), renew_us=january)
    opened.turn(MONTHLY, january)
    opened.turn(MONTHLY, january + DAY)
    assert opened.balance.granted_nanousd == 500 + MONTHLY
    assert (opened.balance.renew_us, opened.balance.turn_us) == (february, february)
    spend(opened, 300)
    assert left(opened)["monthly_free"] == 700
    opened.turn(MONTHLY, february)
    assert opened.balance.granted_nanousd == 500 + 300 + MONTHLY
    assert {each.id for each in opened.new_grants if each.kind == "monthly_free"} == {
        "grt_monthly_free_2027-01_a",
        "grt_monthly_free_2027-02_a",
    }
    check(opened)


def test_a_book_without_a_free_tier_only_takes_back() -> None:
    opened = purse(renew_us=NOW)
    opened.turn(0, NOW)
    assert opened.new_grants == []
    assert opened.balance.renew_us > NOW


def test_a_postpaid_account_owes_and_repays_first() -> None:
    opened = purse(grant(100), limit=500)
    spend(opened, 400)
    assert opened.available_nanousd == 200
    opened.add(grant(1_000, "promotion"))
    check(opened)
    assert left(opened) == {"top_up": 0, "promotion": 700}
    opened.add(grant(-600, "correction"))
    check(opened)
    assert left(opened) == {"top_up": 0, "promotion": 100}


@pytest.mark.parametrize(
    "impossible",
    [
        lambda opened: opened.draw(101),
        lambda opened: opened.draw(-1),
        lambda opened: opened.give_back(1),
        lambda opened: opened.spend(1, "req", NOW),
        lambda opened: opened.add(grant(-101, "correction")),
    ],
)
def test_what_would_break_p1_is_a_bug(impossible: object) -> None:
    with pytest.raises(AssertionError):
        impossible(purse(grant(100)))  # type: ignore[operator]


GRANTS = st.lists(
    st.builds(
        OpenGrant,
        grant_id=st.uuids().map(str),
        account_id=st.just("a"),
        left_nanousd=st.integers(0, 100),
        expires_us=st.sampled_from([NOW - 1, NOW, NOW + 1, NEVER_US]),
        priority=st.integers(0, 2),
        created_us=st.integers(0, 3),
    ),
    max_size=6,
)


@given(GRANTS, st.integers(0, 700))
def test_burning_takes_all_it_can_and_no_more(grants: list[OpenGrant], amount: int) -> None:
    after, uses = burn(grants, amount, "req", NOW)
    taken = sum(use.amount_nanousd for use in uses)
    assert taken == min(amount, sum(each.left_nanousd for each in grants))
    assert sum(each.left_nanousd for each in grants) - taken == sum(each.left_nanousd for each in after)
    assert {each.grant_id for each in after} == {each.grant_id for each in grants}
    assert all(use.amount_nanousd > 0 for use in uses)


@given(GRANTS, st.lists(st.integers(0, 100), max_size=5))
def test_burning_bit_by_bit_is_burning_at_once(grants: list[OpenGrant], amounts: list[int]) -> None:
    at_once, _ = burn(grants, sum(amounts), "req", NOW)
    for amount in amounts:
        grants, _ = burn(grants, amount, "req", NOW)
    assert sorted(map(repr, grants)) == sorted(map(repr, at_once))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["draw", "spend", "back", "give", "expiring", "take", "day"]), st.integers(0, 900)
    ),
    max_size=40,
)


@given(STEPS, st.sampled_from([0, 300]))
def test_any_order_of_anything_keeps_the_identities(steps: list[tuple[str, int]], limit: int) -> None:
    opened, now = purse(grant(500), limit=limit, renew_us=NOW), NOW
    for step, number in steps:
        if step == "draw":
            opened.draw(min(number, max(0, opened.available_nanousd)))
        elif step == "spend":
            opened.spend(min(number, opened.balance.held_nanousd), f"req_{len(opened.new_uses)}", now)
        elif step == "back":
            opened.give_back(min(number, opened.balance.held_nanousd))
        elif step == "give" and number:
            opened.add(grant(number, at=now))
        elif step == "expiring" and number:
            opened.add(grant(number, "promotion", expires_us=now + DAY * (number % 40 + 1), at=now))
        elif step == "take" and 0 < number <= opened.available_nanousd:
            opened.add(grant(-number, "correction", at=now))
        elif step == "day":
            now += DAY * (number % 20)
            opened.turn(MONTHLY, now)
        check(opened)
        assert opened.available_nanousd >= 0
