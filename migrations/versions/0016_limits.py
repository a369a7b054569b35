"""Limits per minute and of requests at once: what was set, what each process has drawn, what was refused.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limit_settings",
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("requests_per_minute", sa.BigInteger, nullable=True),
        sa.Column("input_tokens_per_minute", sa.BigInteger, nullable=True),
        sa.Column("output_tokens_per_minute", sa.BigInteger, nullable=True),
        sa.Column("concurrency", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "limit_shares",
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("process_id", sa.String(64), primary_key=True),
        sa.Column("minute_us", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("concurrency", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.CheckConstraint(
            "requests >= 0 AND input_tokens >= 0 AND output_tokens >= 0 AND concurrency >= 0",
            name=op.f("ck_limit_shares_not_negative"),
        ),
    )
    op.create_index("ix_limit_shares_expires_us", "limit_shares", ["expires_us"])
    op.create_table(
        "limit_refusals",
        sa.Column("account_id", sa.String(64), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("hour_us", sa.BigInteger, primary_key=True),
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("process_id", sa.String(64), primary_key=True),
        sa.Column("refusals", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_limit_refusals_hour_us", "limit_refusals", ["hour_us"])


def downgrade() -> None:
    op.drop_table("limit_refusals")
    op.drop_table("limit_shares")
    op.drop_table("limit_settings")
