from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from gateway.catalog.types import TOKEN_CLASSES
from gateway.kit.db import metadata
from gateway.metering.types import OUTCOMES

SUMMED = (
    "input_tokens",
    "input_image_tokens",
    "input_cached_tokens",
    "output_tokens",
    "output_reasoning_tokens",
    "cost_nanousd",
    "duration_us",
)
"""Added up as the events have them."""
MARGIN = ("worker_cost_nanousd", "cost_known_nanousd")
"""What the workers cost, and the cost of the same requests: of those alone whose worker's cost is known."""
SPLIT = (
    *(f"{outcome}_requests" for outcome in OUTCOMES),
    "input_cached_image_tokens",
    *(f"{token_class}_nanousd" for token_class in TOKEN_CLASSES),
)
"""How requests ended, and what each class of their tokens cost.  Of what was summed before revision 0023: zero (`unsplit_seq`)."""
COUNTED = ("requests", "unbilled_requests", *SUMMED, *MARGIN, *SPLIT)
"""All that is added up."""


def _sums(name: str, period: str) -> Table:
    return Table(
        name,
        metadata,
        Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
        Column(period, BigInteger, primary_key=True),
        Column("key_id", String(64), ForeignKey("api_keys.id"), primary_key=True),
        Column("project_id", String(64), primary_key=True),
        Column("model", String(200), primary_key=True),
        Column("requests", BigInteger, nullable=False),
        Column("unbilled_requests", BigInteger, nullable=False),
        *(Column(column, BigInteger, nullable=False) for column in SUMMED),
        *(Column(column, BigInteger, nullable=False, server_default="0") for column in (*MARGIN, *SPLIT)),
    )


usage_hours = _sums("usage_hours", "hour")
"""`hour` is the number of hours since 1970-01-01 (UTC) in which the requests began; `project_id` is empty for those in none."""

usage_days = _sums("usage_days", "day")
"""`day` is the number of days since 1970-01-01 (UTC)."""

Index("ix_usage_days_day", usage_days.c.day)
"""For operators, who look at a day of all accounts."""

Index("ix_usage_hours_hour", usage_hours.c.hour)
"""For an operator's sums from or until an hour."""

usage_months = _sums("usage_months", "month")
"""`month` is the number of calendar months (UTC) since 1970-01."""

Index("ix_usage_months_month", usage_months.c.month)

usage_all_days = Table(
    "usage_all_days",
    metadata,
    Column("day", BigInteger, primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("unbilled_requests", BigInteger, nullable=False),
    *(Column(column, BigInteger, nullable=False) for column in SUMMED),
    *(Column(column, BigInteger, nullable=False, server_default="0") for column in (*MARGIN, *SPLIT)),
)
"""Of all accounts together."""


def _month_of() -> tuple[Column[Any], ...]:
    return (
        Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
        Column("month", BigInteger, primary_key=True),
    )


month_counts = Table(
    "month_counts",
    metadata,
    *_month_of(),
    Column("price_version", Integer, ForeignKey("price_books.version"), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
)
"""How many requests of a month were rated with each price book, and which receipts those are."""

month_lines = Table(
    "month_lines",
    metadata,
    *_month_of(),
    Column("model", String(200), primary_key=True),
    Column("token_class", String(20), primary_key=True),
    Column("price_nanousd_per_mtok", BigInteger, primary_key=True),
    Column("discount_percent", Integer, primary_key=True),
    Column("tokens", BigInteger, nullable=False),
    Column("cost_nanousd", BigInteger, nullable=False),
)
"""The lines of a month's statement: sums of the lines of its receipts."""

Index("ix_month_lines_month", month_lines.c.month)
"""For a month of all accounts under another book."""

month_uses = Table(
    "month_uses",
    metadata,
    *_month_of(),
    Column("grant_id", String(64), ForeignKey("grants.id"), primary_key=True),
    Column("amount_nanousd", BigInteger, nullable=False),
)
"""What each grant paid of a month's requests."""

rollup_marks = Table(
    "rollup_marks",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("account_seq", BigInteger, nullable=False),
    Column("unsplit_seq", BigInteger, nullable=False, server_default="0"),
)
"""How far each account's sums go: up to and with this number of its chain; and up to which they are not split, because they
were made before revision 0023.
"""
