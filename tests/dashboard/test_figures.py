"""What pages work out from sums: forecasts, tiers, charts."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.read_toml import shipped
from gateway.catalog.types import Tier
from gateway.dashboard.chart import HEIGHT, SERIES_MAX, Series, ceiling, largest, stacked
from gateway.dashboard.figures import progress
from gateway.dashboard.words import about, axis_usd, duration, percent, usd
from gateway.kit.clock import DAY_US, from_rfc3339
from gateway.rollups.outlook import outlook

NOON = from_rfc3339("2026-11-24T12:00:00Z")
TODAY = NOON // DAY_US


def test_an_outlook_by_hand() -> None:
    """Seven days of 70 before today, 20 so far today; the month has 30 days, of which this is the 24th."""
    by_day = {TODAY - back: 70 for back in range(1, 8)} | {TODAY: 20, TODAY - 40: 1_000}
    found = outlook(by_day, 700, NOON)
    assert (found.today_nanousd, found.month_nanousd, found.daily_nanousd) == (20, 510, 70)
    assert found.forecast_nanousd == 510 + 50 + 6 * 70
    assert found.runway_days == 10


def test_outlooks_of_little() -> None:
    nothing = outlook({}, 5, NOON)
    assert (nothing.forecast_nanousd, nothing.runway_days) == (0, None)
    first_day = outlook({TODAY: 30}, 90, NOON)
    assert (first_day.daily_nanousd, first_day.runway_days) == (30, 3)
    assert outlook({TODAY - 1: 10}, -5, NOON).runway_days == 0
    since_yesterday = outlook({TODAY - 1: 10, TODAY - 3: 20}, 100, NOON)
    assert since_yesterday.daily_nanousd == 10, "three days, of which one without anything"


@given(
    st.dictionaries(st.integers(TODAY - 60, TODAY), st.integers(0, 10**12)), st.integers(-(10**12), 10**15)
)
def test_a_forecast_is_never_less_than_what_was_spent(by_day: dict[int, int], available: int) -> None:
    found = outlook(by_day, available, NOON)
    assert found.forecast_nanousd >= found.month_nanousd >= found.today_nanousd >= 0
    assert found.runway_days is None or found.runway_days >= 0


TIERS = shipped().tiers


@given(st.integers(1, 10**12))
def test_progress_is_within_its_tier(tokens: int) -> None:
    found = progress("m", "input_text", tokens, TIERS)
    assert found.from_tokens <= tokens
    assert found.next_tokens is None or tokens < found.next_tokens
    assert 0 <= found.percent <= 100
    assert found.next_discount_percent is None or found.next_discount_percent > found.discount_percent


def test_progress_at_the_edges() -> None:
    tiers = (Tier(100, 0), Tier(1000, 10), Tier(None, 30))
    edge = progress("m", "c", 100, tiers)
    assert (edge.discount_percent, edge.from_tokens, edge.next_tokens, edge.next_discount_percent) == (
        10,
        100,
        1000,
        30,
    )
    last = progress("m", "c", 10**6, tiers)
    assert (last.percent, last.next_tokens, last.next_discount_percent) == (100, None, None)


names = st.text("abc<>&\"'é", min_size=1, max_size=5)


@given(st.lists(names, max_size=12, unique=True), st.integers(1, 40), st.data())
def test_a_chart_is_well_formed_and_within_its_box(series: list[str], bars: int, data: st.DataObject) -> None:
    values = st.lists(st.integers(0, 10**13), min_size=bars, max_size=bars)
    drawn = largest([Series(name, data.draw(values)) for name in series])
    assert len(drawn) <= SERIES_MAX
    svg = stacked([f"d{number}" for number in range(bars)], drawn, axis_usd, "A & B")
    root = ET.fromstring(str(svg))
    for rect in root.iter("rect"):
        y, height = float(rect.get("y", "")), float(rect.get("height", ""))
        assert -0.6 <= y <= y + height <= HEIGHT
        left, width = (float(rect.get(name, "").rstrip("%")) for name in ("x", "width"))
        assert 0 <= left <= left + width <= 100.01
    assert len(root.findall(".//g")) == bars


def test_bars_are_as_high_as_their_values() -> None:
    svg = str(stacked(["a", "b"], [Series("x", [100, 50]), Series("y", [100, 0])], str, "t"))
    heights = [float(each) for each in re.findall(r'class="s\d" [^>]*height="([\d.]+)"', svg)]
    assert heights[0] == heights[1] == 2 * heights[2]
    assert "<title>a\nx: 100\ny: 100</title>" in svg
    assert "<title>b\nx: 50</title>" in svg, "nothing is said of nothing"


def test_what_is_too_much_for_colours_is_one() -> None:
    drawn = largest([Series(str(number), [number]) for number in range(1, 11)])
    assert [each.name for each in drawn] == ["10", "9", "8", "7", "6", "5", "other"]
    assert drawn[-1].values == [1 + 2 + 3 + 4]


@given(st.integers(0, 10**18))
def test_an_axis_ends_at_a_round_number_that_is_near(value: int) -> None:
    top = ceiling(value)
    assert value <= top
    assert top <= max(4, 5 * value), "the highest bar is not lost below"
    assert top % 4 == 0


def test_words() -> None:
    assert [usd(each) for each in (0, 1, 100_000, 12_345_678, 999_999_999, 10**9, 1_234_567_890_000, -5 * 10**8)] == [
        "$0.00", "<$0.0001", "$0.0001", "$0.0123", "$1.00", "$1.00", "$1,234.57", "−$0.5000",
    ]  # fmt: skip
    assert [about(each) for each in (0, 999, 1_000, 12_300, 123_456, 5 * 10**6, 12 * 10**9)] == [
        "0", "999", "1k", "12.3k", "123k", "5M", "12B",
    ]  # fmt: skip
    assert [duration(each) for each in (999, 340_000, 12_345_000)] == ["0 ms", "340 ms", "12.3 s"]
    assert [axis_usd(each) for each in (0, 50_000_000, 2 * 10**9)] == ["$0", "$0.05", "$2"]


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 0, "–"), (0, 5, "0 %"), (1, 3, "33 %"), (2, 3, "66 %"), (10**12 - 1, 10**12, "99 %"), (7, 7, "100 %"),
     (1, 1000, "<1 %"), (-1, 1000, "−<1 %"), (-1, 3, "−33 %"), (-50, 3, "−1,666 %")],
)  # fmt: skip
def test_a_share_is_said_so_that_only_all_is_100_percent(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said
