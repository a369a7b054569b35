"""Stripe: who pays, what was paid and went back, invoices, and the inbox and outbox between two books.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = (
    "suspensions",
    "top_ups",
    "top_up_ends",
    "payments",
    "reversals",
    "reversal_grants",
    "reversal_ends",
    "auto_top_ups",
    "invoices",
    "invoice_lines",
    "invoice_states",
    "stripe_modes",
    "stripe_customers",
    "stripe_inbox",
    "stripe_outbox",
    "meter_marks",
    "stripe_invoices",
    "stripe_reports",
)


def upgrade() -> None:
    _accounts_and_payments()
    _reversals_and_automatic_top_ups()
    _invoices()
    _stripe()
    _outbox_and_reports()


def _accounts_and_payments() -> None:
    op.create_table(
        "suspensions",
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("because_of", sa.String(64), primary_key=True),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("lifted_us", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "top_ups",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cents > 0", name=op.f("ck_top_ups_something")),
    )
    op.create_index("ix_top_ups_account_id", "top_ups", ['account_id', 'created_us'])
    op.create_table(
        "top_up_ends",
        sa.Column("top_up_id", sa.String(64), sa.ForeignKey("top_ups.id"), primary_key=True),
        sa.Column("end", sa.String(16), nullable=False),
        sa.Column("why", sa.String(300), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("top_up_id", sa.String(64), sa.ForeignKey("top_ups.id"), nullable=True, unique=True),
        sa.Column("invoice_id", sa.String(64), nullable=True, unique=True),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("grant_id", sa.String(64), sa.ForeignKey("grants.id"), nullable=True, unique=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cents > 0", name=op.f("ck_payments_something")),
        sa.CheckConstraint("(top_up_id IS NULL) <> (invoice_id IS NULL)", name=op.f("ck_payments_for_one_thing")),
    )
    op.create_index("ix_payments_account_id", "payments", ['account_id', 'at_us'])


def _reversals_and_automatic_top_ups() -> None:
    op.create_table(
        "reversals",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("payment_id", sa.String(64), sa.ForeignKey("payments.id"), nullable=False),
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cents > 0", name=op.f("ck_reversals_something")),
    )
    op.create_index("ix_reversals_account_id", "reversals", ['account_id', 'at_us'])
    op.create_index("ix_reversals_payment_id", "reversals", ['payment_id'])
    op.create_table(
        "reversal_grants",
        sa.Column("grant_id", sa.String(64), sa.ForeignKey("grants.id"), primary_key=True),
        sa.Column("reversal_id", sa.String(64), sa.ForeignKey("reversals.id"), nullable=False),
    )
    op.create_index("ix_reversal_grants_reversal_id", "reversal_grants", ['reversal_id'])
    op.create_table(
        "reversal_ends",
        sa.Column("reversal_id", sa.String(64), sa.ForeignKey("reversals.id"), primary_key=True),
        sa.Column("end", sa.String(16), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "auto_top_ups",
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("below_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("daily_cents_max", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("paused_why", sa.String(300), nullable=True),
        sa.CheckConstraint("cents > 0 AND below_nanousd > 0 AND daily_cents_max >= cents", name=op.f("ck_auto_top_ups_makes_sense")),
    )


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("owed_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("rounding_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=True),
        sa.Column("last_seq", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint('account_id', 'month', name=op.f("uq_invoices_account_id_month")),
    )
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.String(64), sa.ForeignKey("invoices.id"), primary_key=True),
        sa.Column("place", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("cost_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("token_class", sa.String(20), nullable=False),
        sa.Column("discount_percent", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("price_nanousd_per_mtok", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(64), nullable=False),
    )
    op.create_table(
        "invoice_states",
        sa.Column("invoice_id", sa.String(64), sa.ForeignKey("invoices.id"), primary_key=True),
        sa.Column("state", sa.String(16), primary_key=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
    )


def _stripe() -> None:
    op.create_table(
        "stripe_modes",
        sa.Column("one", sa.Integer(), primary_key=True),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_stripe_modes_one_row")),
    )
    op.create_table(
        "stripe_customers",
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("customer_id", sa.String(64), nullable=False, unique=True),
        sa.Column("payment_method_id", sa.String(64), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "stripe_inbox",
        sa.Column("event_id", sa.String(255), primary_key=True),
        sa.Column("type", sa.String(100), nullable=False),
        sa.Column("object_id", sa.String(255), nullable=False),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("handled_us", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(500), nullable=True),
    )
    op.create_index("ix_stripe_inbox_due", "stripe_inbox", ['due_us'], sqlite_where=sa.text("stripe_inbox.handled_us IS NULL"), postgresql_where=sa.text("stripe_inbox.handled_us IS NULL"))


def _outbox_and_reports() -> None:
    op.create_table(
        "stripe_outbox",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("begun_us", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("done_us", sa.BigInteger(), nullable=True),
        sa.Column("frozen_us", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.String(500), nullable=True),
    )
    op.create_index("ix_stripe_outbox_due", "stripe_outbox", ['due_us'], sqlite_where=sa.text("stripe_outbox.done_us IS NULL"), postgresql_where=sa.text("stripe_outbox.done_us IS NULL"))
    op.create_table(
        "meter_marks",
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "stripe_invoices",
        sa.Column("invoice_id", sa.String(64), sa.ForeignKey("invoices.id"), primary_key=True),
        sa.Column("remote_id", sa.String(64), nullable=False, unique=True),
        sa.Column("number", sa.String(100), nullable=True),
        sa.Column("url", sa.String(2000), nullable=True),
        sa.Column("pdf", sa.String(2000), nullable=True),
    )
    op.create_table(
        "stripe_reports",
        sa.Column("day", sa.BigInteger(), primary_key=True),
        sa.Column("body", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)

