"""How credit lessens a bill, in whole cents: each credit is a line, rounded once, and the lines add up to what is due."""

from collections.abc import Sequence

from gateway.kit.money import cents


def credit_cents(total_cents: int, owed_nanousd: int, credits_nanousd: Sequence[int]) -> list[int]:
    """The cents of each credit, positive, in the order in which they are taken from `total_cents`.

    Each is rounded half up, once; together they never take more than there is.  If nothing is owed exactly, nothing is due, so the last
    one takes what rounding had left: nobody is sent a bill over one cent for a month that credit paid.
    """
    found, left = [], total_cents
    for nanousd in credits_nanousd:
        found.append(min(cents(nanousd), left))
        left -= found[-1]
    if found and owed_nanousd == 0:
        found[-1] += left
    return found
