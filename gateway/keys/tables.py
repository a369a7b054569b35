from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, String, Table, false

from gateway.kit.db import metadata

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
    CheckConstraint("(kind = 'operator') = (account_id IS NULL)", name="operator_has_no_account"),
)
Index("ix_api_keys_account_id", api_keys.c.account_id)
Index("ix_api_keys_project_id", api_keys.c.project_id)
