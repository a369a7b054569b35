from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table

from gateway.kit.db import metadata

limit_settings = Table(
    "limit_settings",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("key_id", String(64), primary_key=True),
    Column("requests_per_minute", BigInteger, nullable=True),
    Column("input_tokens_per_minute", BigInteger, nullable=True),
    Column("output_tokens_per_minute", BigInteger, nullable=True),
    Column("concurrency", BigInteger, nullable=True),
)
"""What was set: `key_id` is empty for the account itself, where 0 means unlimited and NULL the installation's default."""

limit_shares = Table(
    "limit_shares",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("key_id", String(64), primary_key=True),
    Column("process_id", String(64), primary_key=True),
    Column("minute_us", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("concurrency", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    CheckConstraint(
        "requests >= 0 AND input_tokens >= 0 AND output_tokens >= 0 AND concurrency >= 0", name="not_negative"
    ),
)
"""What each process has drawn.  Written whole, never by a difference: writing it twice changes nothing."""
Index("ix_limit_shares_expires_us", limit_shares.c.expires_us)

limit_refusals = Table(
    "limit_refusals",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("hour_us", BigInteger, primary_key=True),
    Column("key_id", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("process_id", String(64), primary_key=True),
    Column("refusals", BigInteger, nullable=False),
)
Index("ix_limit_refusals_hour_us", limit_refusals.c.hour_us)
