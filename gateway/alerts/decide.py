"""What fires, and what is over.  Pure: the same figures decide the same, and what was written down decides nothing again.

Spending belongs to a day or a month: a threshold fires once in it, and is over with it.  Credit has no period of its own:
a threshold fires when credit falls below it, is over when credit is above it again (of days, by a whole day, so that a rate
that swings does not fire each hour), and fires anew when it falls again.  Periods only grow, so that a process whose clock is behind
fires nothing of yesterday.
"""

from collections.abc import Mapping, Sequence

from gateway.alerts.types import OF_CREDIT, Figures, Fire, Firing, Recover, Rule
from gateway.kit.clock import DAY_US, month_begin_us
from gateway.rollups.outlook import Outlook

PERCENT = 100
Last = Mapping[tuple[str, int], Firing]
"""The last firing of each rule and threshold, by period."""


def decide(rules: Sequence[Rule], figures: Figures, last: Last, now_us: int) -> list[Fire | Recover]:
    """In the order of the rules and their thresholds."""
    decisions: list[Fire | Recover] = []
    for rule in rules:
        for mark in rule.marks:
            before = last.get((rule.id, mark))
            found = (_credit if rule.kind in OF_CREDIT else _spending)(rule, mark, figures, before, now_us)
            decisions.extend(found)
    return decisions


def threshold(rule: Rule, mark: int) -> int:
    """Nano-dollars that this mark of an amount stands for."""
    return rule.amount_nanousd * mark // PERCENT


def _spending(
    rule: Rule, mark: int, figures: Figures, before: Firing | None, now_us: int
) -> list[Fire | Recover]:
    outlook = figures.account if rule.key_id is None else figures.by_key[rule.key_id]
    period = (month_begin_us(now_us) if rule.kind == "spent_month" else now_us) // DAY_US
    decisions: list[Fire | Recover] = []
    if before is not None and before.period < period and before.recovered_us is None:
        decisions.append(Recover(before))
    value = outlook.month_nanousd if rule.kind == "spent_month" else outlook.today_nanousd
    if (before is None or before.period < period) and _is_past(rule, mark, value, outlook):
        decisions.append(Fire(rule, mark, period, value))
    return decisions


def _is_past(rule: Rule, mark: int, value: int, outlook: Outlook) -> bool:
    """Whether so much is spent that this is to be said."""
    if rule.kind != "anomaly":
        return value >= threshold(rule, mark)
    enough = value >= rule.amount_nanousd and outlook.daily_nanousd > 0
    return enough and value * PERCENT > outlook.daily_nanousd * mark


def _credit(
    rule: Rule, mark: int, figures: Figures, before: Firing | None, now_us: int
) -> list[Fire | Recover]:
    assert now_us > 0
    if rule.kind == "credit_below":
        value, low, fine = figures.remaining_nanousd, threshold(rule, mark), threshold(rule, mark)
    else:
        runway = figures.account.runway_days
        if runway is None:  # nothing is spent: it lasts
            return [Recover(before)] if before is not None and before.recovered_us is None else []
        value, low, fine = runway, mark, mark + 1
    if before is not None and before.recovered_us is None:
        return [Recover(before)] if value >= fine else []
    return [Fire(rule, mark, before.period + 1 if before else 1, value)] if value < low else []
