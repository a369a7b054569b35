"""Money is exact, and refuses what is not."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollway import Money

AMOUNTS = st.integers(-(10**26), 10**26)


@given(AMOUNTS)
def test_what_is_printed_reads_back(nanousd: int) -> None:
    printed = str(Money(nanousd))
    assert Money.from_usd(printed.replace("$", "")) == Money.from_usd(Money(nanousd).usd) == Money(nanousd)
    assert len(printed.partition(".")[2]) == 9


@given(AMOUNTS, AMOUNTS)
def test_it_adds_and_compares_like_its_integer(a: int, b: int) -> None:
    assert (Money(a) + Money(b)).nanousd == a + b
    assert (Money(a) - Money(b)).nanousd == a - b
    assert ((Money(a) < Money(b)), (Money(a) == Money(b))) == (a < b, a == b)
    assert sum([Money(a), Money(b)], Money(0)) == Money(a + b)


@pytest.mark.parametrize(
    ("usd", "nanousd", "printed"),
    [
        ("0.50", 500_000_000, "$0.500000000"),
        ("0.000046200", 46_200, "$0.000046200"),
        ("12", 12_000_000_000, "$12.000000000"),
        ("-0.000000001", -1, "-$0.000000001"),
        (3, 3_000_000_000, "$3.000000000"),
        (0.5, 500_000_000, "$0.500000000"),
        (0.1, 100_000_000, "$0.100000000"),
        (1e-05, 10_000, "$0.000010000"),
        (Decimal("1E-9"), 1, "$0.000000001"),
        (Money(7), 7, "$0.000000007"),
    ],
)
def test_dollars(usd: Any, nanousd: int, printed: str) -> None:
    assert Money.from_usd(usd) == Money(nanousd)
    assert str(Money(nanousd)) == printed


@pytest.mark.parametrize(
    "usd",
    [
        "",
        "1e3",
        "0.0000000001",
        ".5",
        "5.",
        "+1",
        "$1",
        "1,000",
        " 1",
        "1\n",
        "nan",
        "١",
        0.1 + 0.2,
        float("nan"),
        1e40,
        True,
        None,
        [1],
    ],
)
def test_it_is_never_guessed(usd: Any) -> None:
    with pytest.raises(ValueError, match="exact"):
        Money.from_usd(usd)


@pytest.mark.parametrize("nanousd", [0.5, 1.0, "1", None, True])
def test_only_an_int_is_an_amount(nanousd: Any) -> None:
    with pytest.raises(TypeError, match="int"):
        Money(nanousd)


@pytest.mark.parametrize("other", [1, 0.5, "1"])
def test_it_meets_only_money(other: Any) -> None:
    for act in (lambda: Money(1) + other, lambda: Money(1) - other, lambda: Money(1) < other):
        with pytest.raises(TypeError):
            act()
