from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from gateway.catalog.types import TOKEN_CLASSES
from gateway.kit.db import metadata

usage_events = Table(
    "usage_events",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("key_id", String(64), ForeignKey("api_keys.id"), nullable=False),
    Column("model", String(200), nullable=False),
    Column("worker", String(500), nullable=False),
    Column("price_version", Integer, ForeignKey("price_books.version"), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("streamed", Boolean, nullable=False),
    Column("input_source", String(16), nullable=False),
    Column("image_source", String(16), nullable=False),
    Column("output_source", String(16), nullable=False),
    Column("reasoning_source", String(16), nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("input_image_tokens", BigInteger, nullable=False),
    Column("input_cached_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("output_reasoning_tokens", BigInteger, nullable=False),
    Column("cost_nanousd", BigInteger, nullable=False),
    Column("held_nanousd", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("first_byte_us", BigInteger, nullable=True),
    *(Column(f"{name}_start", BigInteger, nullable=True) for name in TOKEN_CLASSES),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=True),
    Column("worker_cost_nanousd", BigInteger, nullable=True),
    Column("account_seq", BigInteger, nullable=False),
    Column("chain_hash", String(64), nullable=False),
    UniqueConstraint("account_id", "account_seq", name="uq_usage_events_account_seq"),
    CheckConstraint("cost_nanousd >= 0 AND cost_nanousd <= held_nanousd", name="cost_within_hold"),
    CheckConstraint(
        "input_image_tokens >= 0 AND input_image_tokens <= input_tokens"
        " AND input_cached_tokens >= 0 AND input_cached_tokens <= input_tokens"
        " AND output_reasoning_tokens >= 0 AND output_reasoning_tokens <= output_tokens",
        name="parts_within_wholes",
    ),
    CheckConstraint(
        "cost_nanousd = 0 OR outcome IN ('completed', 'client_gone', 'credit_ended')",
        name="only_service_is_billed",
    ),
)
Index("ix_usage_events_account_created", usage_events.c.account_id, usage_events.c.created_us)
Index(
    "ix_usage_events_account_model",
    usage_events.c.account_id,
    usage_events.c.model,
    usage_events.c.created_us,
)
Index("ix_usage_events_key_created", usage_events.c.key_id, usage_events.c.created_us)
Index("ix_usage_events_key_model", usage_events.c.key_id, usage_events.c.model, usage_events.c.created_us)
"""What lists are narrowed by has its own order: else a list of what is rare reads everything that is not."""

Index(
    "ix_usage_events_project_created",
    usage_events.c.project_id,
    usage_events.c.created_us,
    sqlite_where=usage_events.c.project_id.is_not(None),
    postgresql_where=usage_events.c.project_id.is_not(None),
)
"""Of requests in none it has nothing."""

tier_counters = Table(
    "tier_counters",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("token_class", String(20), primary_key=True),
    Column("tokens", BigInteger, nullable=False),
    CheckConstraint("tokens >= 0", name="not_negative"),
)
"""Each account's volume in a month: what its next tokens' discount depends on.  Changes under the account's lock."""

drift_samples = Table(
    "drift_samples",
    metadata,
    Column("request_id", String(64), ForeignKey("usage_events.request_id"), primary_key=True),
    Column("model", String(200), nullable=False),
    Column("worker", String(500), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("worker_input_tokens", BigInteger, nullable=False),
    Column("counted_input_tokens", BigInteger, nullable=False),
    Column("worker_output_tokens", BigInteger, nullable=False),
    Column("counted_output_tokens", BigInteger, nullable=False),
    Column("explained_output_tokens", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)
Index("ix_drift_samples_model_worker", drift_samples.c.model, drift_samples.c.worker)
