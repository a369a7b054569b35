"""Sums taken apart for tables: the parts and what was not told apart are the whole."""

from gateway.dashboard.split import UNSPLIT, added, classes, endings
from gateway.rollups.types import Detail

NEW = Detail(
    requests=3, completed_requests=2, worker_failed_requests=1, input_tokens=10, input_image_tokens=4,
    input_cached_tokens=7, input_cached_image_tokens=1, output_tokens=5, output_reasoning_tokens=2, cost_nanousd=150,
    input_image_nanousd=30, input_cached_nanousd=70, output_text_nanousd=30, output_reasoning_nanousd=20,
)  # fmt: skip
OLD = Detail(requests=4, input_tokens=8, output_tokens=1, cost_nanousd=90)


def test_everything_that_is_told_apart_adds_up() -> None:
    assert endings(NEW) == [
        ("completed", "completed", 2, True),
        ("worker_failed", "worker failed", 1, False),
    ]
    assert classes(NEW) == [
        ("input_image", 3, 30), ("input_cached", 7, 70), ("output_text", 3, 30), ("output_reasoning", 2, 20),
    ]  # fmt: skip


def test_what_was_summed_long_ago_is_named() -> None:
    both = added([NEW, OLD])
    assert endings(both)[-1] == ("unsplit", UNSPLIT, 4, False)
    assert sum(number for _, _, number, _ in endings(both)) == both.requests == 7
    assert classes(both)[-1] == (UNSPLIT, None, 90)
    assert sum(cost for _, _, cost in classes(both)) == both.cost_nanousd == 240
    assert sum(tokens or 0 for _, tokens, _ in classes(both)) == both.input_tokens + both.output_tokens
