"""Sums by hour and by day, which pages read instead of events.

They begin empty; the gateways that run fill them, 2,000 events of an account at a time.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SUMMED = (
    "requests",
    "unbilled_requests",
    "input_tokens",
    "input_image_tokens",
    "input_cached_tokens",
    "output_tokens",
    "output_reasoning_tokens",
    "cost_nanousd",
    "duration_us",
)


def upgrade() -> None:
    for name, period in (("usage_hours", "hour"), ("usage_days", "day")):
        op.create_table(
            name,
            sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id", name=f"fk_{name}_account_id")),
            sa.Column(period, sa.BigInteger()),
            sa.Column("key_id", sa.String(64), sa.ForeignKey("api_keys.id", name=f"fk_{name}_key_id")),
            sa.Column("model", sa.String(200)),
            *(sa.Column(column, sa.BigInteger(), nullable=False) for column in SUMMED),
            sa.PrimaryKeyConstraint("account_id", period, "key_id", "model", name=f"pk_{name}"),
        )
    op.create_index("ix_usage_days_day", "usage_days", ["day"])
    op.create_table(
        "rollup_marks",
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id", name="fk_rollup_marks_account_id")),
        sa.Column("account_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_rollup_marks"),
    )


def downgrade() -> None:
    op.drop_table("rollup_marks")
    op.drop_index("ix_usage_days_day", "usage_days")
    op.drop_table("usage_days")
    op.drop_table("usage_hours")
