from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table

from gateway.kit.db import metadata

balances = Table(
    "balances",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("granted_nanousd", BigInteger, nullable=False),
    Column("settled_nanousd", BigInteger, nullable=False),
    Column("held_nanousd", BigInteger, nullable=False),
    Column("credit_limit_nanousd", BigInteger, nullable=False),
    Column("free_left_nanousd", BigInteger, nullable=False),
    Column("free_until_us", BigInteger, nullable=False),
    CheckConstraint("free_left_nanousd >= 0", name="free_not_negative"),
    CheckConstraint(
        "settled_nanousd >= 0 AND held_nanousd >= 0 AND credit_limit_nanousd >= 0", name="no_negative"
    ),
    CheckConstraint(
        "settled_nanousd + held_nanousd <= granted_nanousd + credit_limit_nanousd", name="no_overspend"
    ),
)

grants = Table(
    "grants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("amount_nanousd", BigInteger, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=True),
    CheckConstraint("amount_nanousd > 0 OR kind IN ('correction', 'expiry')", name="only_corrections_take"),
)
Index("ix_grants_account_id", grants.c.account_id)

holds = Table(
    "holds",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("key_id", String(64), ForeignKey("api_keys.id"), nullable=False),
    Column("amount_nanousd", BigInteger, nullable=False),
    Column("output_tokens_max", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    CheckConstraint("amount_nanousd >= 0", name="not_negative"),
)
Index("ix_holds_expires_us", holds.c.expires_us)

hold_resolutions = Table(
    "hold_resolutions",
    metadata,
    Column("request_id", String(64), ForeignKey("holds.request_id"), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("amount_nanousd", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    CheckConstraint("amount_nanousd >= 0", name="not_negative"),
    CheckConstraint("kind = 'posted' OR (kind = 'expired' AND amount_nanousd = 0)", name="known_kind"),
)
