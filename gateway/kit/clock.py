"""The one clock.  Instants are integer microseconds since the Unix epoch, UTC, in names ending `_us`.

Integers because SQLite and PostgreSQL then store, compare and group them alike (ADR 0002).
"""

import time
from datetime import UTC, datetime
from functools import lru_cache

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US


def now_us() -> int:
    """The wall clock, in microseconds since the Unix epoch."""
    return time.time_ns() // 1_000


def rfc3339(instant_us: int) -> str:
    """`2026-11-23T13:05:00.123456Z`, for people and JSON."""
    seconds, micros = divmod(instant_us, SECOND_US)
    return f"{_second(seconds)}.{micros:06d}Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")


def day_and_month(instant_us: int) -> tuple[str, str]:
    """`2026-11-23` and `2026-11`, UTC."""
    return _day_and_month(instant_us // DAY_US)


@lru_cache(maxsize=64)
def _day_and_month(day: int) -> tuple[str, str]:
    text = rfc3339(day * DAY_US)
    return text[:10], text[:7]


def from_rfc3339(text: str) -> int:
    """Microseconds of an RFC 3339 instant.

    Raises:
        ValueError: the text is no instant, or names no offset (a local time would be ambiguous on a bill).
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset; write it like 2026-11-23T13:05:00Z")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND_US + delta.microseconds


def month_begin_us(instant_us: int) -> int:
    """The first instant of its calendar month, UTC."""
    moment = datetime.fromtimestamp(instant_us // SECOND_US, UTC)
    return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp()) * SECOND_US


def month_number(instant_us: int) -> int:
    """Months between 1970-01 and the instant's calendar month, UTC: 2026-11 is 682."""
    moment = datetime.fromtimestamp(instant_us // SECOND_US, UTC)
    return (moment.year - 1970) * 12 + moment.month - 1


def month_us(number: int) -> int:
    """The first instant of a month by its number."""
    moment = datetime(1970 + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return int(moment.timestamp()) * SECOND_US


def next_month_us(instant_us: int) -> int:
    """The first instant of the calendar month after it, UTC."""
    return month_begin_us(month_begin_us(instant_us) + 32 * DAY_US)
