"""What is worked out from sums: forecast, how long credit lasts, the tier that was reached.  Pure, and integers throughout."""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.catalog.types import Tier
from gateway.kit.clock import DAY_US, month_begin_us, next_month_us

RATE_DAYS = 7
"""Days whose mean stands for `at this rate`: whole weeks, because weekends differ."""


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """Nano-dollars.  `runway_days`: None while nothing is spent."""

    today_nanousd: int
    month_nanousd: int
    daily_nanousd: int
    forecast_nanousd: int
    runway_days: int | None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a model's class of tokens is in its discount tiers; `next_*`: None in the last."""

    model: str
    token_class: str
    tokens: int
    discount_percent: int
    from_tokens: int
    next_tokens: int | None
    next_discount_percent: int | None

    @property
    def percent(self) -> int:
        """Of the way through this tier."""
        if self.next_tokens is None:
            return 100
        return (self.tokens - self.from_tokens) * 100 // (self.next_tokens - self.from_tokens)


def outlook(by_day: Mapping[int, int], available_nanousd: int, now_us: int) -> Outlook:
    """`by_day`: spending by day since 1970, of this month and the RATE_DAYS before today."""
    today = now_us // DAY_US
    begin, end = month_begin_us(now_us) // DAY_US, next_month_us(now_us) // DAY_US
    month = sum(spent for day, spent in by_day.items() if begin <= day <= today)
    daily = _daily(by_day, today)
    rest_of_today = max(daily - by_day.get(today, 0), 0)
    return Outlook(
        today_nanousd=by_day.get(today, 0),
        month_nanousd=month,
        daily_nanousd=daily,
        forecast_nanousd=month + rest_of_today + daily * (end - today - 1),
        runway_days=max(available_nanousd, 0) // daily if daily else None,
    )


def _daily(by_day: Mapping[int, int], today: int) -> int:
    """The mean of the whole days before today since the first that was spent on; on the first day of all, today's."""
    spent_on = [day for day, spent in by_day.items() if spent and today - RATE_DAYS <= day < today]
    if not spent_on:
        return by_day.get(today, 0)
    days = today - min(spent_on)
    return sum(by_day.get(day, 0) for day in range(today - days, today)) // days


def progress(model: str, token_class: str, tokens: int, tiers: Sequence[Tier]) -> Progress:
    """Where so many tokens of the month are.  `tiers` as the price book has them: the last has no end."""
    begin = 0
    for place, tier in enumerate(tiers):
        if tier.up_to_tokens is None or tokens < tier.up_to_tokens:
            following = tiers[place + 1] if place + 1 < len(tiers) else None
            return Progress(
                model=model,
                token_class=token_class,
                tokens=tokens,
                discount_percent=tier.discount_percent,
                from_tokens=begin,
                next_tokens=tier.up_to_tokens,
                next_discount_percent=following.discount_percent if following else None,
            )
        begin = tier.up_to_tokens
    raise AssertionError("the last tier has no end")
