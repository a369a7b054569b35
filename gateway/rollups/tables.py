from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from gateway.kit.db import metadata

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


def _sums(name: str, period: str) -> Table:
    return Table(
        name,
        metadata,
        Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
        Column(period, BigInteger, primary_key=True),
        Column("key_id", String(64), ForeignKey("api_keys.id"), primary_key=True),
        Column("model", String(200), primary_key=True),
        Column("requests", BigInteger, nullable=False),
        Column("unbilled_requests", BigInteger, nullable=False),
        *(Column(column, BigInteger, nullable=False) for column in SUMMED),
    )


usage_hours = _sums("usage_hours", "hour")
"""`hour` is the number of hours since 1970-01-01 (UTC) in which the requests began."""

usage_days = _sums("usage_days", "day")
"""`day` is the number of days since 1970-01-01 (UTC)."""

Index("ix_usage_days_day", usage_days.c.day)
"""For operators, who look at a day of all accounts."""

rollup_marks = Table(
    "rollup_marks",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("account_seq", BigInteger, nullable=False),
)
"""How far each account's sums go: up to and with this number of its chain."""
