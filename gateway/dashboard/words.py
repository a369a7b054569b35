"""What people read on pages: money, tokens, instants.  What is shortened has the exact value in its title."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from gateway.kit.clock import SECOND_US, rfc3339
from gateway.kit.money import NANOS_PER_CENT, NANOS_PER_USD, PERCENT
from gateway.statements.words import MINUS, TOKEN_CLASS_WORDS, dollars, exact, month_name, one_line, short

OUTCOME_WORDS = {
    "client_gone": "client left",
    "credit_ended": "credit ran out",
    "deadline": "deadline passed",
}
"""Where the underscore's words would not do."""
PACE_WHOLE = 100
_SCALES = ((10**9, "B"), (10**6, "M"), (10**3, "k"))


def usd(nanousd: int) -> str:
    """To read at a glance: `$12.34`, `$0.0213`, `<$0.0001`."""
    size = abs(nanousd)
    sign = MINUS if nanousd < 0 else ""
    if size >= NANOS_PER_USD - 50_000 or size == 0:  # four decimals of it would be $1.0000
        cents = (size + NANOS_PER_CENT // 2) // NANOS_PER_CENT
        return f"{sign}${cents // 100:,}.{cents % 100:02d}"
    if size < NANOS_PER_CENT // 100:
        return f"{sign}<$0.0001" if not sign else f"{sign}$0.0001"
    parts = (size + 50_000) // 100_000
    return f"{sign}${parts // 10_000}.{parts % 10_000:04d}"


def axis_usd(nanousd: int) -> str:
    """`$0.05`: as few decimals as say it."""
    whole = short(nanousd)
    return whole.removesuffix(".00") if nanousd else "$0"


def money(nanousd: int) -> Markup:
    """`usd`, with the exact amount in its title."""
    return Markup('<span class="usd" title="{}">{}</span>').format(exact(nanousd), usd(nanousd))


def count(number: int) -> str:
    """`12,345`."""
    return f"{number:,}"


def many(number: int, noun: str) -> str:
    """`1 request`, `12,345 requests`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def about(number: int) -> str:
    """`12.3 M`: three digits are enough for an axis."""
    for scale, letter in _SCALES:
        if number >= scale:
            tenths = number * 10 // scale
            return (
                f"{tenths // 10}.{tenths % 10}{letter}"
                if tenths % 10 and tenths < 1000
                else f"{tenths // 10}{letter}"
            )
    return str(number)


def pace(per_second: float) -> str:
    """`0.4`, `12.3`, `1,234`: so many a second."""
    return f"{per_second:,.0f}" if per_second >= PACE_WHOLE or per_second == 0 else f"{per_second:.1f}"


def tokens(number: int) -> Markup:
    """`about`, with all digits in its title."""
    return Markup('<span title="{:,}">{}</span>').format(number, about(number))


def percent(part: int, whole: int) -> str:
    """`62 %`: towards zero, so that only all of it is 100 %; a dash of nothing."""
    if not whole:
        return "\N{EN DASH}"
    size = abs(part) * PERCENT // whole
    return f"{MINUS if part < 0 else ''}{'<1' if part and not size else f'{size:,}'} %"


def moment(instant_us: int) -> Markup:
    """`24 Nov, 05:12:03`, as a `time` element; UTC, as everything here."""
    when = datetime.fromtimestamp(instant_us // SECOND_US, UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        rfc3339(instant_us), rfc3339(instant_us), f"{when.day} {when:%b}, {when:%H:%M:%S}"
    )


def day(instant_us: int) -> Markup:
    """`24 Nov 2026`."""
    when = datetime.fromtimestamp(instant_us // SECOND_US, UTC)
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(instant_us), f"{when.day} {when:%b %Y}")


def duration(micros: int) -> str:
    """`340 ms`, `12.3 s`."""
    millis = micros // 1000
    return f"{millis} ms" if millis < 1000 else f"{millis // 1000}.{millis % 1000 // 100} s"


def outcome(name: str) -> str:
    return OUTCOME_WORDS.get(name, name.replace("_", " "))


def token_class(name: str) -> str:
    return TOKEN_CLASS_WORDS.get(name, name)


FILTERS: dict[str, Callable[..., Any]] = {
    "money": money,
    "usd": usd,
    "exact": exact,
    "short": short,
    "count": count,
    "about": about,
    "many": many,
    "pace": pace,
    "tokens": tokens,
    "percent": percent,
    "moment": moment,
    "day": day,
    "cents": dollars,
    "month": month_name,
    "duration": duration,
    "outcome": outcome,
    "token_class": token_class,
    "one_line": one_line,
}
