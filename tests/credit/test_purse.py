"""What happens to an account's credit, as arithmetic: grants burn down in order, expire, are owed and repaid."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credit.purse import Purse, new_grant
from gateway.credit.types import NEVER_US, Balance, Grant, GrantKind, GrantUse, OpenGrant

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


def test_what_a_grant_says() -> None:
    given = new_grant("a", "promotion", 100, "welcome", NOW, expires_us=NOW + DAY)
    assert given.id.startswith("grt_")
    assert given == Grant(
        id=given.id,
        account_id="a",
        kind="promotion",
        amount_nanousd=100,
        reason="welcome",
        created_us=NOW,
        expires_us=NOW + DAY,
        priority=10,
    )
    assert new_grant("a", "promotion", 100, "welcome", NOW, priority=0).priority == 0


def test_an_open_grant_is_its_grant_and_what_is_left_of_it() -> None:
    given = grant(100, "promotion", expires_us=NOW + DAY)
    opened = purse(given)
    whole = OpenGrant(
        grant_id=given.id,
        account_id="a",
        left_nanousd=100,
        expires_us=NOW + DAY,
        priority=10,
        created_us=NOW,
    )
    assert opened.open_grants == [whole]
    spend(opened, 30)
    assert opened.open_grants == [msgspec.structs.replace(whole, left_nanousd=70)]


def test_every_use_says_what_it_paid_for() -> None:
    given = grant(100, "promotion", expires_us=NOW + DAY)
    opened = purse(given, limit=500, held=30)
    opened.spend(30, "req_1", NOW)
    correction = grant(-20, "correction")
    opened.add(correction)
    opened.turn(0, NOW + DAY)
    expiry = opened.new_grants[-1]
    spend(opened, 40, begun_us=NOW + DAY)
    repayment = grant(100)
    opened.add(repayment)
    assert opened.new_uses == [
        GrantUse(grant_id=given.id, used_by="req_1", amount_nanousd=30),
        GrantUse(grant_id=given.id, used_by=correction.id, amount_nanousd=20),
        GrantUse(grant_id=given.id, used_by=expiry.id, amount_nanousd=50),
        GrantUse(grant_id=repayment.id, used_by=repayment.id, amount_nanousd=40),
    ]
    check(opened)


def test_soonest_to_expire_then_priority_then_oldest() -> None:
    opened = purse(
        grant(100, "top_up", at=NOW - 1),
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


def test_an_expiry_says_what_was_taken_back() -> None:
    given = grant(100, "promotion", expires_us=NOW + DAY)
    opened = purse(given)
    opened.turn(0, NOW + 2 * DAY)
    expiry = opened.new_grants[-1]
    assert expiry == Grant(
        id=expiry.id,
        account_id="a",
        kind="expiry",
        amount_nanousd=-100,
        reason=f"unused when it expired at 2027-01-16T08:00:00.000000Z: {given.id}",
        created_us=NOW + 2 * DAY,
    )


def test_what_is_held_pins_what_it_would_burn_first_and_no_more() -> None:
    first, second, third = (grant(50, "promotion", expires_us=NOW + day * DAY) for day in (1, 2, 3))
    opened = purse(third, first, second, grant(100), held=70)
    opened.turn(0, NOW + 3 * DAY)
    assert {each.grant_id: each.left_nanousd for each in opened.open_grants if each.priority == 10} == {
        first.id: 50,
        second.id: 20,
        third.id: 0,
    }
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
    given = [each for each in opened.new_grants if each.kind == "monthly_free"]
    assert [each.id for each in given] == ["grt_monthly_free_2027-01_a", "grt_monthly_free_2027-02_a"]
    assert given[0] == Grant(
        id="grt_monthly_free_2027-01_a",
        account_id="a",
        kind="monthly_free",
        amount_nanousd=MONTHLY,
        reason="free tier of 2027-01",
        created_us=january,
        expires_us=february,
        priority=0,
    )
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
    ("impossible", "says"),
    [
        (lambda opened: opened.draw(61), "P1: nobody draws"),
        (lambda opened: opened.draw(-1), "P1: nobody draws"),
        (lambda opened: opened.give_back(41), "only what is held"),
        (lambda opened: opened.give_back(-1), "only what is held"),
        (lambda opened: opened.spend(41, "req", NOW), "a bill is at most its hold"),
        (lambda opened: opened.spend(-1, "req", NOW), "a bill is at most its hold"),
        (lambda opened: opened.add(grant(-61, "correction")), "P1: credit in use"),
    ],
)
def test_what_would_break_p1_is_a_bug(impossible: object, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        impossible(purse(grant(100), held=40))  # type: ignore[operator]


def test_an_empty_purse_gives_nothing() -> None:
    opened = purse()
    opened.draw(0)
    with pytest.raises(AssertionError, match="P1"):
        opened.draw(1)


def test_all_that_is_not_held_can_be_taken() -> None:
    opened = purse(grant(100), held=40)
    opened.add(grant(-60, "correction"))
    assert (opened.available_nanousd, opened.balance.held_nanousd) == (0, 40)
    check(opened)


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
