from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.types import TypeDecorator

from gateway.kit.db import metadata


class Words(TypeDecorator[tuple[str, ...]]):
    """Some words, as a JSON list; NULL: there is no list, which is another thing than an empty one."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:  # noqa: ARG002
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Any) -> tuple[str, ...] | None:  # noqa: ARG002
        return None if value is None else msgspec.json.decode(value, type=tuple[str, ...])


api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=True),
    Column("name", String(200), nullable=False),
    Column("hint", String(32), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("created_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger, nullable=True),
    Column("cap_day_nanousd", BigInteger, nullable=True),
    Column("cap_month_nanousd", BigInteger, nullable=True),
    Column("cap_total_nanousd", BigInteger, nullable=True),
    Column("policy", String(32), nullable=True),
    Column("manages_keys", Boolean, nullable=False, server_default=false()),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=True),
    Column("scopes", Words, nullable=True),
    Column("models", Words, nullable=True),
    Column("ips", Words, nullable=True),
    Column("expires_us", BigInteger, nullable=True),
    Column("previous_hash", String(64), nullable=True),
    Column("previous_until_us", BigInteger, nullable=True),
    CheckConstraint("(kind = 'operator') = (account_id IS NULL)", name="operator_has_no_account"),
)
Index("ix_api_keys_account_id", api_keys.c.account_id)
Index("ix_api_keys_project_id", api_keys.c.project_id)
Index("ix_api_keys_previous_hash", api_keys.c.previous_hash, unique=True)

key_uses = Table(
    "key_uses",
    metadata,
    Column("key_id", String(64), ForeignKey("api_keys.id"), primary_key=True),
    Column("used_us", BigInteger, nullable=False),
)
"""When a key was last used.  Written by rollups/, many requests at a time: not beside the key, whose row a change locks."""
