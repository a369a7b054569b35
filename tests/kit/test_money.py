import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kit.money import (
    NANOUSD_MAX,
    cents,
    cost_nanousd,
    cost_of_slices,
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


@given(st.lists(st.tuples(TOKENS, PRICES, st.integers(0, 100)), max_size=4))
def test_slices_are_exact_and_rounded_up_once_together(slices: list[tuple[int, int, int]]) -> None:
    exact = sum(Fraction(tokens * price * (100 - discount), 10**8) for tokens, price, discount in slices)
    assert cost_of_slices(slices) == math.ceil(exact)


def test_a_discount_is_between_nothing_and_all() -> None:
    assert [cost_of_slices([(10, 10**6, discount)]) for discount in (0, 1, 99, 100)] == [10, 10, 1, 0]
    for discount in (-1, 101):
        with pytest.raises(ValueError, match="discount"):
            cost_of_slices([(10, 10**6, discount)])


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


@given(st.integers(0, NANOUSD_MAX))
def test_cents_are_the_nearest_and_half_a_cent_is_one(nanousd: int) -> None:
    assert cents(nanousd) == math.floor(Fraction(nanousd, 10**7) + Fraction(1, 2))


@pytest.mark.parametrize(
    ("nanousd", "found"),
    [(0, 0), (1, 0), (4_999_999, 0), (5_000_000, 1), (14_999_999, 1), (15_000_000, 2), (10**9, 100)],
)
def test_cents_at_their_edges(nanousd: int, found: int) -> None:
    assert cents(nanousd) == found


def test_a_credit_is_never_rounded_to_cents() -> None:
    with pytest.raises(ValueError, match="not -1"):
        cents(-1)


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


def test_what_a_column_holds_is_the_most_that_can_be_written() -> None:
    assert parse_usd("9223372036.854775807") == 2**63 - 1
    assert parse_usd("-9223372036.854775807") == 1 - 2**63
    with pytest.raises(ValueError, match=r"can hold \(9223372036\.854775807 USD\)"):
        parse_usd("9223372036.854775808")


@pytest.mark.parametrize(
    "text", ["", "five", "+5", "1e3", "1.", ".5", "0.0000000001", "1,000", "NaN", "9999999999", "٥"]
)
def test_what_is_not_exactly_dollars_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"USD|US dollars"):
        parse_usd(text)


def test_magistrals_price_is_exact() -> None:
    assert cost_nanousd(31, 200_000_000) == 6_200
    assert cost_nanousd(1, 600_000_000) == 600
    assert format_usd(46_200) == "0.000046200"


def test_only_what_is_less_than_nothing_has_a_sign() -> None:
    assert [format_usd(nanousd) for nanousd in (-1, 0, 1)] == ["-0.000000001", "0.000000000", "0.000000001"]


@pytest.mark.parametrize(("tokens", "price"), [(-1, 1), (1, -1)])
def test_negative_counts_and_prices_are_refused(tokens: int, price: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        cost_nanousd(tokens, price)


def test_a_free_price_affords_no_finite_number() -> None:
    with pytest.raises(ValueError, match="positive"):
        tokens_affordable(1, 0)
    assert tokens_affordable(-5, 1) == 0
