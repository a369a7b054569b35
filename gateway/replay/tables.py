from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table

from gateway.kit.db import metadata

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("body_sha256", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("streamed", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=True),
)
"""No money: rows are forgotten when they expire.  `body` is null while the first request runs."""
Index("ix_idempotency_keys_expires_us", idempotency_keys.c.expires_us)
