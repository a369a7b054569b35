"""The arithmetic of a window: whatever processes draw and spend, in whatever order, the sum is within the limit."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.allot import SHARES, Window, too_large
from gateway.limits.refuse import duration, headers
from gateway.limits.share import Share
from gateway.limits.types import (
    MINUTE_US,
    NOTHING,
    Bound,
    Limits,
    Subject,
    add,
    in_force,
    minute_of,
)

SUBJECT = Subject("acc_1")
LIMIT = st.none() | st.integers(1, 2000)
LIMITS = st.builds(
    Limits,
    requests_per_minute=LIMIT,
    input_tokens_per_minute=LIMIT,
    output_tokens_per_minute=LIMIT,
    concurrency=LIMIT,
)
ASKED = st.tuples(st.just(1), st.integers(0, 300), st.integers(0, 300), st.just(1))
STEPS = st.lists(
    st.tuples(st.integers(0, 3), ASKED, st.sampled_from(["ask", "give back", "end"]), st.floats(0, 1)),
    max_size=60,
)


@given(LIMITS, STEPS)
def test_the_sum_of_all_shares_is_never_above_the_limit(limits: Limits, steps: list[Any]) -> None:  # noqa: C901 - processes take turns
    shares = [Share() for _ in range(4)]
    for share in shares:
        share.limits = limits
    running: list[tuple[int, tuple[int, int, int, int]]] = []
    for who, asked, act, part in steps:
        share = shares[who]
        if act == "end" and running:
            whose, began = running.pop(0)
            spent = (1, int(began[1] * part), int(began[2] * part), 0)
            shares[whose].settle(began, spent, 0)
            continue
        others = NOTHING
        for index, other in enumerate(shares):
            others = add(others, NOTHING if index == who else other.held)
        window = Window(SUBJECT, limits, others=others, used=share.used)
        if act == "ask":
            if share.covers(asked):
                share.take(asked)
                running.append((who, asked))
                continue
            if window.lack(asked) is None:
                window.take(asked)
                share.take(asked)
                running.append((who, asked))
        share.held = window.draw(share.largest, spare=act == "ask")
        for limit, *held in zip(limits.each, *(each.held for each in shares), strict=True):
            assert limit is None or sum(held) <= limit
        for each in shares:
            for limit, used, held_one in zip(limits.each, each.used, each.held, strict=True):
                assert limit is None or 0 <= used <= held_one


@given(LIMITS, ASKED)
def test_what_fits_an_empty_window_fits_and_no_more(limits: Limits, asked: tuple[int, int, int, int]) -> None:
    window, admitted = Window(SUBJECT, limits, others=NOTHING, used=NOTHING), 0
    while window.lack(asked) is None and admitted < 3000:
        window.take(asked)
        admitted += 1
    most = [
        limit // each for limit, each in zip(limits.each, asked, strict=True) if limit is not None and each
    ]
    assert admitted == min([*most, 3000])
    assert (too_large(SUBJECT, limits, asked) is None) == (admitted > 0)


def test_plenty_is_shared_generously_and_scarcity_exactly() -> None:
    plenty = Window(SUBJECT, Limits(requests_per_minute=1600), others=NOTHING, used=NOTHING)
    assert plenty.draw((1, 50, 50, 1)) == (1600 // SHARES, 0, 0, 0)
    scarce = Window(SUBJECT, Limits(requests_per_minute=1600), others=(1480, 0, 0, 0), used=(1, 0, 0, 1))
    assert scarce.draw((1, 50, 50, 1)) == (1, 0, 0, 1)


def test_a_lack_says_what_is_left() -> None:
    window = Window(SUBJECT, Limits(input_tokens_per_minute=1000), others=(0, 600, 0, 0), used=(0, 350, 0, 0))
    lack = window.lack((1, 51, 0, 1))
    assert lack is not None
    assert (lack.kind, lack.limit, lack.asked, lack.left) == ("input_tokens", 1000, 51, 50)
    assert window.lack((1, 50, 9999, 1)) is None


def test_an_answer_longer_than_reserved_counts_in_the_minute_in_which_it_ends() -> None:
    share = Share()
    share.take((1, 10, 100, 1))
    share.settle((1, 10, 100, 1), (1, 8, 130, 0), 0)
    assert share.used == (1, 8, 130, 0)
    share.take((1, 10, 100, 1))
    share.turn(MINUTE_US)
    assert share.used == (0, 0, 0, 1)
    share.settle((1, 10, 100, 1), (1, 8, 130, 0), 0)
    assert share.used == (0, 0, 30, 0)


@given(st.integers(0, 2**51))
def test_a_minute_begins_when_the_clock_says(instant_us: int) -> None:
    assert minute_of(instant_us) <= instant_us < minute_of(instant_us) + MINUTE_US
    assert minute_of(instant_us) % MINUTE_US == 0


def test_an_accounts_own_limits_go_before_the_default_and_0_lifts_it() -> None:
    default = Limits(requests_per_minute=60, concurrency=4)
    assert in_force(None, default) == default
    own = Limits(requests_per_minute=0, input_tokens_per_minute=10)
    assert in_force(own, default) == Limits(input_tokens_per_minute=10, concurrency=4)


def test_durations_are_written_as_openai_writes_them() -> None:
    assert [duration(us) for us in (0, 1, 12_000, 1_000_000, 12_340_000, 60_000_000, 61_500_000)] == [
        "0ms", "1ms", "12ms", "1s", "12.34s", "1m0s", "1m1.5s",
    ]  # fmt: skip


def test_headers_tell_of_the_nearer_limit() -> None:
    account = Bound(SUBJECT, Limits(requests_per_minute=100, input_tokens_per_minute=1000))
    key = Bound(Subject("acc_1", "key_1"), Limits(requests_per_minute=10, output_tokens_per_minute=200))
    told = headers([(account, (3, 900, None, None)), (key, (7, None, 20, None))], 30_000_000, 150)
    assert told == {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "3",
        "x-ratelimit-reset-requests": "30s",
        "x-ratelimit-limit-input-tokens": "1000",
        "x-ratelimit-remaining-input-tokens": "900",
        "x-ratelimit-reset-input-tokens": "30s",
        "x-ratelimit-limit-output-tokens": "200",
        "x-ratelimit-remaining-output-tokens": "20",
        "x-ratelimit-reset-output-tokens": "30s",
        "x-ratelimit-limit-tokens": "200",
        "x-ratelimit-remaining-tokens": "20",
        "x-ratelimit-reset-tokens": "30s",
        "x-ratelimit-limit-tokens-minute": "200",
        "x-ratelimit-remaining-tokens-minute": "20",
        "x-ratelimit-tokens-query-cost": "150",
        "x-ratelimit-limit-req-minute": "100",
        "x-ratelimit-remaining-req-minute": "3",
    }
