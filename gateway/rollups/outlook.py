"""What an account's sums by day come to: today, this month, a forecast, how long its credit lasts.  Pure, and integers throughout."""

from collections.abc import Mapping

import msgspec

from gateway.kit.clock import DAY_US, month_begin_us, next_month_us

RATE_DAYS = 7
"""Days whose mean stands for `at this rate`: whole weeks, because weekends differ."""


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """Nano-dollars.  `daily_nanousd`: at this rate.  `runway_days` and `ends_us`: None while nothing is spent."""

    today_nanousd: int
    month_nanousd: int
    daily_nanousd: int
    forecast_nanousd: int
    runway_days: int | None
    ends_us: int | None
    """When the credit is gone at this rate."""


def outlook(by_day: Mapping[int, int], available_nanousd: int, now_us: int) -> Outlook:
    """`by_day`: spending by day since 1970, of this month and the RATE_DAYS before today."""
    today = now_us // DAY_US
    begin, end = month_begin_us(now_us) // DAY_US, next_month_us(now_us) // DAY_US
    month = sum(spent for day, spent in by_day.items() if begin <= day <= today)
    daily = _daily(by_day, today)
    rest_of_today = max(daily - by_day.get(today, 0), 0)
    left = max(available_nanousd, 0)
    return Outlook(
        today_nanousd=by_day.get(today, 0),
        month_nanousd=month,
        daily_nanousd=daily,
        forecast_nanousd=month + rest_of_today + daily * (end - today - 1),
        runway_days=left // daily if daily else None,
        ends_us=now_us + left * DAY_US // daily if daily else None,
    )


def _daily(by_day: Mapping[int, int], today: int) -> int:
    """The mean of the whole days before today since the first that was spent on; on the first day of all, today's."""
    spent_on = [day for day, spent in by_day.items() if spent and today - RATE_DAYS <= day < today]
    if not spent_on:
        return by_day.get(today, 0)
    days = today - min(spent_on)
    return sum(by_day.get(day, 0) for day in range(today - days, today)) // days
