"""Volume discounts: disjoint ranges of a month's volume, and a total that does not depend on order."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.rate import classes, graduated, rate, total_nanousd
from gateway.catalog.types import TOKEN_CLASSES, CostLine, Prices, Starts, Tier, TokenCounts
from gateway.kit.money import cost_nanousd
from gateway.metering.receipt import read_receipt
from gateway.metering.store import list_tier_counters
from tests.fixtures.ledger import FEBRUARY, TIERED, Books, order, serve

PRICES = Prices(
    input_text=200_000_000, input_image=3, input_cached=7_000_001, output_text=600_000_000, output_reasoning=1
)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    ends = sorted(draw(st.sets(st.integers(1, 3_000), max_size=4)))
    discounts = draw(st.lists(st.integers(0, 100), min_size=len(ends) + 1, max_size=len(ends) + 1))
    return tuple(Tier(end, discount) for end, discount in zip([*ends, None], discounts, strict=True))


@st.composite
def counts(draw: st.DrawFn) -> TokenCounts:
    inputs, outputs = draw(st.integers(0, 1_500)), draw(st.integers(0, 1_500))
    return TokenCounts(
        input_tokens=inputs,
        input_image_tokens=draw(st.integers(0, inputs)),
        input_cached_tokens=draw(st.integers(0, inputs)),
        output_tokens=outputs,
        output_reasoning_tokens=draw(st.integers(0, outputs)),
    )


@given(tiers(), st.lists(counts(), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_months_total_does_not_depend_on_order(
    schedule: tuple[Tier, ...], requests: list[TokenCounts], random: object
) -> None:
    totals = []
    for _ in range(3):
        used, total = dict.fromkeys(TOKEN_CLASSES, 0), 0
        for request in requests:
            total += total_nanousd(rate(request, PRICES, schedule, Starts(**used)))
            for name, tokens in classes(request).items():
                used[name] += tokens
        assert total == sum(graduated(used[name], getattr(PRICES, name), schedule) for name in TOKEN_CLASSES)
        totals.append(total)
        random.shuffle(requests)  # type: ignore[attr-defined]
    assert len(set(totals)) == 1


@given(tiers(), counts(), st.integers(0, 5_000))
def test_lines_are_disjoint_and_never_dearer_than_list_price(
    schedule: tuple[Tier, ...], request: TokenCounts, start: int
) -> None:
    lines = rate(request, PRICES, schedule, Starts(**dict.fromkeys(TOKEN_CLASSES, start)))
    by_class = classes(request)
    for name, tokens in by_class.items():
        mine = [line for line in lines if line.token_class == name]
        assert sum(line.tokens for line in mine) == tokens
        assert sum(line.cost_nanousd for line in mine) <= cost_nanousd(tokens, getattr(PRICES, name))
        assert all(line.tokens > 0 and line.cost_nanousd >= 0 for line in mine)


@given(tiers(), st.lists(st.integers(0, 4_000), min_size=2, max_size=5), st.integers(0, 10**9))
def test_more_tokens_never_cost_less(schedule: tuple[Tier, ...], volumes: list[int], price: int) -> None:
    costs = [graduated(tokens, price, schedule) for tokens in sorted(volumes)]
    assert all(before <= after for before, after in pairwise(costs))


@given(tiers(), st.integers(0, 3_500), st.integers(0, 10**9))
def test_each_token_has_the_discount_of_the_tier_it_falls_in(
    schedule: tuple[Tier, ...], tokens: int, price: int
) -> None:
    def discount(nth: int) -> int:
        return next(
            tier.discount_percent for tier in schedule if tier.up_to_tokens is None or nth < tier.up_to_tokens
        )

    exact = Fraction(sum(price * (100 - discount(nth)) for nth in range(tokens)), 10**8)
    assert graduated(tokens, price, schedule) == math.ceil(exact)


def test_a_request_across_two_boundaries_line_by_line() -> None:
    schedule = (Tier(100, 0), Tier(150, 10), Tier(None, 30))
    request = TokenCounts(input_tokens=5, input_cached_tokens=2, output_tokens=100)
    lines = rate(request, PRICES, schedule, Starts(output_text=90))
    expected = [
        ("input_text", 3, 200_000_000, 0, 3 * 200),
        ("input_cached", 2, 7_000_001, 0, 15),
        ("output_text", 10, 600_000_000, 0, 10 * 600),
        ("output_text", 50, 600_000_000, 10, 50 * 540),
        ("output_text", 40, 600_000_000, 30, 40 * 420),
    ]
    assert lines == tuple(
        CostLine(
            token_class=name,
            tokens=tokens,
            price_nanousd_per_mtok=price,
            discount_percent=discount,
            cost_nanousd=cost,
        )
        for name, tokens, price, discount, cost in expected
    )


def test_without_discounts_it_is_the_list_price() -> None:
    assert graduated(7, 123_456_789, (Tier(None, 0),)) == cost_nanousd(7, 123_456_789)


def test_a_request_across_a_boundary_has_a_line_for_each_side(books: Books) -> None:
    """100 tokens at list price, then 10 % off: the request that crosses pays both, and its receipt shows both."""
    owner, writer = books.account(10**9), books.writer()
    wanted = order(owner, tokens=200)
    first = books.do(serve(writer, books, wanted, tokens=90))
    crossing = books.do(serve(writer, books, order(owner, tokens=200), tokens=30))
    assert first.event.cost_nanousd == 5 * 200 + 90 * 600
    assert crossing.event.cost_nanousd == 5 * 200 + 10 * 600 + 20 * 540
    receipt = books.database.read_now(lambda conn: read_receipt(conn, owner[0], crossing.event.request_id))
    assert [(line.token_class, line.tokens, line.discount_percent) for line in receipt.lines] == [
        ("input_text", 5, 0),
        ("output_text", 10, 0),
        ("output_text", 20, 10),
    ]
    assert sum(line.cost_nanousd for line in receipt.lines) == crossing.event.cost_nanousd
    assert books.findings() == ()


@pytest.mark.parametrize("processes", [1, 3])
def test_many_at_once_claim_disjoint_ranges(books: Books, processes: int) -> None:
    owner = books.account(10**9)
    writers = [books.writer() for _ in range(processes)]
    sizes = [1 + n * 7 % 40 for n in range(120)]
    works = [
        serve(writers[n % processes], books, order(owner, tokens=50), tokens=size)
        for n, size in enumerate(sizes)
    ]
    settled = books.all(*works)
    volume = sum(sizes)
    assert volume > 1_000, "all tiers were reached"
    total = graduated(volume, 600_000_000, TIERED.tiers) + graduated(
        5 * len(sizes), 200_000_000, TIERED.tiers
    )
    assert (
        sum(each.event.cost_nanousd for each in settled) == total == books.balance(owner[0]).settled_nanousd
    )
    assert books.findings() == ()


def test_each_month_and_each_account_begins_anew(books: Books) -> None:
    owner, other, writer = books.account(10**9), books.account(10**9), books.writer()
    books.do(serve(writer, books, order(owner, tokens=500), tokens=500))
    for fresh in (other, owner):
        if fresh is owner:
            books.now = FEBRUARY
        settled = books.do(serve(writer, books, order(fresh), tokens=10))
        assert settled.event.cost_nanousd == 5 * 200 + 10 * 600
    counters = books.database.read_now(lambda conn: list_tier_counters(conn, owner[0]))
    assert {(each.month, each.token_class): each.tokens for each in counters} == {
        ("2027-01", "input_text"): 5,
        ("2027-01", "output_text"): 500,
        ("2027-02", "input_text"): 5,
        ("2027-02", "output_text"): 10,
    }
    assert books.findings() == ()


def test_what_is_free_claims_no_volume(books: Books) -> None:
    owner, writer = books.account(10**9), books.writer()
    hold = books.do(writer.hold(order(owner)))
    settled = books.do(writer.charge(books.charge(hold, outcome="worker_failed")))
    assert (settled.event.cost_nanousd, settled.event.starts) == (0, None)
    assert books.database.read_now(lambda conn: list_tier_counters(conn, owner[0])) == []
    receipt = books.database.read_now(lambda conn: read_receipt(conn, owner[0], hold.request_id))
    assert receipt.lines == ()
