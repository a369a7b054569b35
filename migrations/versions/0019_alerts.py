"""Alerts: rules, what they found, whom to tell, and the messages on their way.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rules()
    _messages()


def _rules() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("key_id", sa.String(64), sa.ForeignKey("api_keys.id"), nullable=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("amount_nanousd", sa.BigInteger, nullable=False),
        sa.Column("marks", sa.String(200), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("removed_us", sa.BigInteger, nullable=True),
    )
    op.create_index("ix_alert_rules_account_id", "alert_rules", ["account_id"])
    op.create_table(
        "alert_firings",
        sa.Column("rule_id", sa.String(64), sa.ForeignKey("alert_rules.id"), primary_key=True),
        sa.Column("mark", sa.BigInteger, primary_key=True),
        sa.Column("period", sa.BigInteger, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.Column("fired_us", sa.BigInteger, nullable=False),
        sa.Column("recovered_us", sa.BigInteger, nullable=True),
    )
    op.create_index("ix_alert_firings_account_id", "alert_firings", ["account_id", "fired_us"])


def _messages() -> None:
    op.create_table(
        "alert_targets",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("url", sa.String(2000), nullable=True),
        sa.Column("person_id", sa.String(64), sa.ForeignKey("people.id"), nullable=True),
        sa.Column("secret_number", sa.Integer, nullable=False),
        sa.Column("rotated_us", sa.BigInteger, nullable=True),
        sa.Column("paused_us", sa.BigInteger, nullable=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("removed_us", sa.BigInteger, nullable=True),
        sa.CheckConstraint(
            "(kind = 'webhook') = (url IS NOT NULL) AND (kind = 'mail') = (person_id IS NOT NULL)",
            name=op.f("ck_alert_targets_one_address"),
        ),
    )
    op.create_index("ix_alert_targets_account_id", "alert_targets", ["account_id"])
    op.create_table(
        "alert_deliveries",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("target_id", sa.String(64), sa.ForeignKey("alert_targets.id"), nullable=False),
        sa.Column("firing_id", sa.String(64), sa.ForeignKey("alert_firings.id"), nullable=True),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("delivered_us", sa.BigInteger, nullable=True),
        sa.Column("given_up_us", sa.BigInteger, nullable=True),
        sa.Column("last_error", sa.String(500), nullable=True),
        sa.CheckConstraint(
            "(due_us IS NULL) = (delivered_us IS NOT NULL OR given_up_us IS NOT NULL)",
            name=op.f("ck_alert_deliveries_due_or_done"),
        ),
    )
    op.create_index("ix_alert_deliveries_account_id", "alert_deliveries", ["account_id", "created_us"])
    op.create_index(
        "ix_alert_deliveries_due", "alert_deliveries", ["due_us"],
        sqlite_where=sa.text("due_us IS NOT NULL"), postgresql_where=sa.text("due_us IS NOT NULL"),
    )


def downgrade() -> None:
    for table in ("alert_deliveries", "alert_targets", "alert_firings", "alert_rules"):
        op.drop_table(table)
