from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kit.money import (
    NANOS_PER_CENT,
    NANOUSD_MAX,
    cents,
    cost_nanousd,
    format_usd,
    parse_usd,
    tokens_affordable,
)

TOKENS = st.integers(0, 10**12)
PRICES = st.integers(0, 10**12)
AMOUNTS = st.integers(-NANOUSD_MAX, NANOUSD_MAX)


@given(TOKENS, PRICES)
def test_a_cost_is_exact_but_for_less_than_a_nano_dollar_upwards(tokens: int, price: int) -> None:
    exact = Fraction(tokens * price, 10**6)
    assert exact <= cost_nanousd(tokens, price) < exact + 1


@given(TOKENS, TOKENS, PRICES)
def test_splitting_a_count_costs_at_most_one_nano_dollar_more(first: int, second: int, price: int) -> None:
    together = cost_nanousd(first + second, price)
    apart = cost_nanousd(first, price) + cost_nanousd(second, price)
    assert together <= apart <= together + 1


@given(TOKENS, PRICES, st.integers(0, 10**6))
def test_more_tokens_never_cost_less(tokens: int, price: int, more: int) -> None:
    assert cost_nanousd(tokens + more, price) >= cost_nanousd(tokens, price)


@given(st.integers(0, 10**15), st.integers(1, 10**12))
def test_what_is_affordable_is_the_most_that_fits(money: int, price: int) -> None:
    tokens = tokens_affordable(money, price)
    assert cost_nanousd(tokens, price) <= money < cost_nanousd(tokens + 1, price)


@given(AMOUNTS)
def test_dollars_survive_the_round_trip(nanousd: int) -> None:
    assert parse_usd(format_usd(nanousd)) == nanousd


@pytest.mark.parametrize(
    ("text", "nanousd"),
    [
        ("5", 5 * 10**9),
        ("0.01", 10**7),
        ("$12.50", 12_500_000_000),
        (" -2.5 ", -2_500_000_000),
        ("0.000000001", 1),
    ],
)
def test_people_write_dollars(text: str, nanousd: int) -> None:
    assert parse_usd(text) == nanousd


@pytest.mark.parametrize(
    "text", ["", "five", "1e3", "1.", ".5", "0.0000000001", "1,000", "NaN", "9999999999", "٥"]
)
def test_what_is_not_exactly_dollars_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"USD|US dollars"):
        parse_usd(text)


def test_magistrals_price_is_exact() -> None:
    assert cost_nanousd(31, 200_000_000) == 6_200
    assert cost_nanousd(1, 600_000_000) == 600
    assert format_usd(46_200) == "0.000046200"


@pytest.mark.parametrize(("tokens", "price"), [(-1, 1), (1, -1)])
def test_negative_counts_and_prices_are_refused(tokens: int, price: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        cost_nanousd(tokens, price)


def test_a_free_price_affords_no_finite_number() -> None:
    with pytest.raises(ValueError, match="positive"):
        tokens_affordable(1, 0)
    assert tokens_affordable(-5, 1) == 0


@given(st.integers(0, 10**18))
def test_cents_are_rounded_half_up(nanousd: int) -> None:
    found = cents(nanousd)
    assert -NANOS_PER_CENT < 2 * (found * NANOS_PER_CENT - nanousd) <= NANOS_PER_CENT


def test_the_half_cent_and_what_is_no_charge() -> None:
    assert [cents(amount) for amount in (0, 4_999_999, 5_000_000, 14_999_999, 15_000_000)] == [0, 0, 1, 1, 2]
    with pytest.raises(ValueError, match="only a charge"):
        cents(-1)
