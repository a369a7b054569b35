from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, UniqueConstraint

from gateway.kit.db import metadata

invoices = Table(
    "invoices",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("month", String(7), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("owed_nanousd", BigInteger, nullable=False),
    Column("rounding_nanousd", BigInteger, nullable=False),
    Column("first_seq", BigInteger, nullable=True),
    Column("last_seq", BigInteger, nullable=True),
    UniqueConstraint("account_id", "month", name="uq_invoices_account_id_month"),
)
"""Once per account and month: whoever inserts the row draws it."""

invoice_lines = Table(
    "invoice_lines",
    metadata,
    Column("invoice_id", String(64), ForeignKey("invoices.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("cents", BigInteger, nullable=False),
    Column("cost_nanousd", BigInteger, nullable=False),
    Column("model", String(200), nullable=False),
    Column("token_class", String(20), nullable=False),
    Column("discount_percent", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("price_nanousd_per_mtok", BigInteger, nullable=False),
    Column("ref", String(64), nullable=False),
)

invoice_states = Table(
    "invoice_states",
    metadata,
    Column("invoice_id", String(64), ForeignKey("invoices.id"), primary_key=True),
    Column("state", String(16), primary_key=True),
    Column("at_us", BigInteger, nullable=False),
)
"""Each state once, at its first time; which prevails says types.STATES."""
