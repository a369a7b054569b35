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
    Text,
)

from gateway.kit.db import metadata

stripe_modes = Table(
    "stripe_modes",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    CheckConstraint("one = 1", name="one_row"),
)
"""Test or live, once and for all: a ledger with made-up money in it is none."""

stripe_customers = Table(
    "stripe_customers",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("customer_id", String(64), nullable=False, unique=True),
    Column("payment_method_id", String(64), nullable=True),
    Column("created_us", BigInteger, nullable=False),
)

stripe_inbox = Table(
    "stripe_inbox",
    metadata,
    Column("event_id", String(255), primary_key=True),
    Column("type", String(100), nullable=False),
    Column("object_id", String(255), nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("handled_us", BigInteger, nullable=True),
    Column("outcome", String(500), nullable=True),
)
"""Each event once.  A 200 is sent when the row is durable; who then dies leaves it to the next who looks."""
Index(
    "ix_stripe_inbox_due",
    stripe_inbox.c.due_us,
    sqlite_where=stripe_inbox.c.handled_us.is_(None),
    postgresql_where=stripe_inbox.c.handled_us.is_(None),
)

stripe_outbox = Table(
    "stripe_outbox",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("begun_us", BigInteger, nullable=True),
    Column("tries", Integer, nullable=False),
    Column("done_us", BigInteger, nullable=True),
    Column("frozen_us", BigInteger, nullable=True),
    Column("result", String(500), nullable=True),
)
Index(
    "ix_stripe_outbox_due",
    stripe_outbox.c.due_us,
    sqlite_where=stripe_outbox.c.done_us.is_(None),
    postgresql_where=stripe_outbox.c.done_us.is_(None),
)

meter_marks = Table(
    "meter_marks",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
"""Up to which receipt an account's tokens are in the outbox (the sink `meters`)."""

stripe_invoices = Table(
    "stripe_invoices",
    metadata,
    Column("invoice_id", String(64), ForeignKey("invoices.id"), primary_key=True),
    Column("remote_id", String(64), nullable=False, unique=True),
    Column("number", String(100), nullable=True),
    Column("url", String(2000), nullable=True),
    Column("pdf", String(2000), nullable=True),
)
"""Our invoices at Stripe, and where people see and pay them."""

stripe_reports = Table(
    "stripe_reports",
    metadata,
    Column("day", BigInteger, primary_key=True),
    Column("body", Text, nullable=False),
)
"""What reconciling found, by day since 1970-01-01 (UTC)."""
