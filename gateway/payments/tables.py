from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table

from gateway.kit.db import metadata

top_ups = Table(
    "top_ups",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("cents", BigInteger, nullable=False),
    Column("by", String(200), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    CheckConstraint("cents > 0", name="something"),
)
Index("ix_top_ups_account_id", top_ups.c.account_id, top_ups.c.created_us)

top_up_ends = Table(
    "top_up_ends",
    metadata,
    Column("top_up_id", String(64), ForeignKey("top_ups.id"), primary_key=True),
    Column("end", String(16), nullable=False),
    Column("why", String(300), nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""Those that ended without a payment.  One that is paid nevertheless, later, counts as paid."""

payments = Table(
    "payments",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("top_up_id", String(64), ForeignKey("top_ups.id"), nullable=True, unique=True),
    Column("invoice_id", String(64), nullable=True, unique=True),
    Column("cents", BigInteger, nullable=False),
    Column("grant_id", String(64), ForeignKey("grants.id"), nullable=True, unique=True),
    Column("at_us", BigInteger, nullable=False),
    CheckConstraint("cents > 0", name="something"),
    CheckConstraint("(top_up_id IS NULL) <> (invoice_id IS NULL)", name="for_one_thing"),
)
"""Three unique columns are why nothing is credited twice: one payment, one order, one grant."""
Index("ix_payments_account_id", payments.c.account_id, payments.c.at_us)

reversals = Table(
    "reversals",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("payment_id", String(64), ForeignKey("payments.id"), nullable=False),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("cents", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    CheckConstraint("cents > 0", name="something"),
)
Index("ix_reversals_account_id", reversals.c.account_id, reversals.c.at_us)
Index("ix_reversals_payment_id", reversals.c.payment_id)

reversal_grants = Table(
    "reversal_grants",
    metadata,
    Column("grant_id", String(64), ForeignKey("grants.id"), primary_key=True),
    Column("reversal_id", String(64), ForeignKey("reversals.id"), nullable=False),
)
"""The corrections that took credit back for a reversal, and the one that gave it again when it ended well."""
Index("ix_reversal_grants_reversal_id", reversal_grants.c.reversal_id)

reversal_ends = Table(
    "reversal_ends",
    metadata,
    Column("reversal_id", String(64), ForeignKey("reversals.id"), primary_key=True),
    Column("end", String(16), nullable=False),
    Column("at_us", BigInteger, nullable=False),
)

auto_top_ups = Table(
    "auto_top_ups",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("below_nanousd", BigInteger, nullable=False),
    Column("cents", BigInteger, nullable=False),
    Column("daily_cents_max", BigInteger, nullable=False),
    Column("by", String(200), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("paused_why", String(300), nullable=True),
    CheckConstraint("cents > 0 AND below_nanousd > 0 AND daily_cents_max >= cents", name="makes_sense"),
)
"""Rules, which people change; each change is in the audit log."""
