"""How much is set aside: never more than there is, whole where it fits, and leases that leave enough for others."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.credit.draw import (
    LEASE_HOLDS_MIN,
    LEASE_SHARE,
    cost_of,
    periods,
    periods_of,
    refusal,
    surplus,
    tokens_of,
)
from gateway.credit.types import NO_CAPS, Caps, Reached, caps_of
from gateway.errors import InsufficientCredit, KeyCapReached, ProjectCapReached
from gateway.kit.money import cost_nanousd
from tests.fixtures.ledger import JANUARY, order

OWNER = ("a", "k")


@given(
    st.integers(-10, 1_010),
    st.integers(0, 10**9),
    st.integers(1, 10**6),
    st.integers(0, 10**9),
)
def test_what_a_pool_affords_never_exceeds_it(permille: int, prompt: int, tokens: int, price: int) -> None:
    pool = prompt + cost_nanousd(tokens, price) * permille // 1_000  # so that it is often enough for a part
    wanted = order(OWNER, prompt=prompt, tokens=tokens, price=price)
    found = tokens_of(wanted, pool)
    assert 0 <= found <= tokens
    if found:
        assert cost_of(wanted, found) <= pool
    if found < tokens:
        assert cost_of(wanted, found + 1) > pool, "not one token more could be afforded"


@pytest.mark.parametrize(
    ("pool", "tokens"), [(999, 0), (1_000, 0), (1_599, 0), (1_600, 1), (6_999, 9), (7_000, 10), (9_999, 10)]
)
def test_what_a_pool_affords_of_ten_tokens(pool: int, tokens: int) -> None:
    assert tokens_of(order(OWNER), pool) == tokens


def test_the_lowest_price_is_a_price() -> None:
    assert tokens_of(order(OWNER, prompt=0, tokens=5 * 10**6, price=1), 3) == 3 * 10**6


def test_from_plenty_it_is_whole_if_a_lease_would_still_be_worth_having() -> None:
    wanted = msgspec.structs.replace(order(OWNER), only_from_plenty=True)
    plenty = 7_000 + LEASE_SHARE * LEASE_HOLDS_MIN * 7_000
    assert tokens_of(wanted, plenty) == 10
    assert tokens_of(wanted, plenty - 1) == 0


def test_an_answer_without_a_price_is_whole_or_not_at_all() -> None:
    wanted = order(OWNER, prompt=100, price=0)
    assert tokens_of(wanted, 100) == 10
    assert tokens_of(wanted, 99) == 0


@given(st.integers(-5, 10**15), st.integers(1, 10**9))
def test_a_lease_is_a_small_share_or_nothing(available: int, hold: int) -> None:
    found = surplus(available, hold)
    assert found * LEASE_SHARE <= max(available, 0)
    assert found == 0 or found >= LEASE_HOLDS_MIN * hold
    if available >= LEASE_SHARE * LEASE_HOLDS_MIN * hold:
        assert found > 0


def test_a_lease_at_its_edges() -> None:
    enough = LEASE_SHARE * LEASE_HOLDS_MIN * 100
    assert surplus(enough - 1, 100) == 0
    assert surplus(enough, 100) == LEASE_HOLDS_MIN * 100
    assert surplus(enough + LEASE_SHARE - 1, 100) == LEASE_HOLDS_MIN * 100
    assert surplus(enough + LEASE_SHARE, 100) == LEASE_HOLDS_MIN * 100 + 1


def test_periods_are_utc_days_months_and_all() -> None:
    assert periods_of(JANUARY) == ("day:2027-01-15", "month:2027-01", "total")
    assert periods(Caps(day_nanousd=1, total_nanousd=0), JANUARY) == {"day:2027-01-15": 1, "total": 0}
    assert periods(Caps(month_nanousd=2), JANUARY) == {"month:2027-01": 2}


def reached(subject: str, period: str) -> Reached:
    return Reached(subject_id=subject, period=period, cap_nanousd=9)


@pytest.mark.parametrize(
    ("capped_by", "kind", "words"),
    [
        (None, InsufficientCredit, "the account has $0.000000005"),
        (reached("k", "day:2027-01-15"), KeyCapReached, "by its cap per day (UTC)"),
        (reached("k", "month:2027-01"), KeyCapReached, "by its cap per month (UTC)"),
        (reached("k", "total"), KeyCapReached, "more in all; raise its cap"),
        (reached("p", "day:2027-12-31"), ProjectCapReached, "by its budget per day (UTC)"),
        (reached("p", "month:2027-12"), ProjectCapReached, "or use a key of another project"),
        (reached("p", "total"), ProjectCapReached, "more in all; raise its budget"),
    ],
)
def test_a_refusal_says_what_is_needed_and_what_there_is(
    capped_by: Reached | None, kind: type[InsufficientCredit], words: str
) -> None:
    error = refusal(order(OWNER), 5, capped_by)
    assert type(error) is kind
    assert words in error.message
    assert "may cost $0.000001600 for" in error.message
    assert re.search(r"(has|spend) \$0\.000000005 ", error.message)
    assert {name: error.extra[name] for name in ("needed_nanousd", "available_nanousd")} == {
        "needed_nanousd": 1_600,
        "available_nanousd": 5,
    }
    assert refusal(order(OWNER), -5, capped_by).extra["available_nanousd"] == 0


@pytest.mark.parametrize(
    ("subject", "period", "said"),
    [
        ("k", "day:2027-12-31", {"key_id": "k", "window": "day", "resets_at": "2028-01-01T00:00:00.000000Z"}),
        (
            "p",
            "month:2027-12",
            {"project_id": "p", "window": "month", "resets_at": "2028-01-01T00:00:00.000000Z"},
        ),
        ("p", "total", {"project_id": "p", "window": "total"}),
    ],
)
def test_a_refusal_says_which_cap_it_is_and_when_it_begins_anew(
    subject: str, period: str, said: dict[str, str]
) -> None:
    amounts = {"needed_nanousd": 1_600, "available_nanousd": 5, "cap_nanousd": 9}
    assert refusal(order(OWNER), 5, reached(subject, period)).extra == amounts | said


def test_what_has_caps_is_what_is_asked() -> None:
    some = Caps(day_nanousd=1)
    assert order(OWNER, project="p").capped == ()
    assert order(OWNER, caps=some, project="p").capped == (("k", some),)
    assert order(OWNER, project="p", project_caps=some).capped == (("p", some),)
    assert order(OWNER, caps=some, project="p", project_caps=some).capped == (("k", some), ("p", some))
    assert caps_of(None, None, None) is NO_CAPS
    assert caps_of(1, None, None) == some
