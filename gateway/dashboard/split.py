"""Sums taken apart, for tables: how requests ended, and what each class of their tokens cost.  Pure."""

from collections.abc import Iterable

from gateway.dashboard.words import outcome
from gateway.metering.types import BILLED, OUTCOMES
from gateway.rollups.types import Detail

UNSPLIT = "not told apart"
"""What was summed before there was revision 0023."""


def added(several: Iterable[Detail]) -> Detail:
    total = dict.fromkeys(Detail.__struct_fields__, 0)
    for sums in several:
        for name in total:
            total[name] += getattr(sums, name)
    return Detail(**total)


def endings(sums: Detail) -> list[tuple[str, str, int, bool]]:
    """Each way that was taken: its name, words for it, how many requests, and whether it is billed."""
    found = [(name, outcome(name), sums.outcomes[name], name in BILLED) for name in OUTCOMES]
    rest = ("unsplit", UNSPLIT, sums.unsplit_requests, False)
    return [each for each in (*found, rest) if each[2]]


def classes(sums: Detail) -> list[tuple[str, int | None, int]]:
    """Each class that was used: its name, tokens, and nano-dollars, which add up to what all cost."""
    tokens, costs = sums.class_tokens, sums.class_nanousd
    found: list[tuple[str, int | None, int]] = [(name, tokens[name], costs[name]) for name in costs]
    rest = (UNSPLIT, None, sums.unsplit_nanousd)
    return [each for each in (*found, rest) if each[1] or each[2]]
