"""Sums by month, of statements too, and of all accounts by day; orders of events for narrowed lists.

All sums begin anew and the gateways that run fill them, 1,000 events at a time; until then pages say what is missing.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
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
EVENT_INDEXES = {
    "ix_usage_events_account_model": ["account_id", "model", "created_us"],
    "ix_usage_events_key_created": ["key_id", "created_us"],
    "ix_usage_events_key_model": ["key_id", "model", "created_us"],
}
NEW = ("month_uses", "month_lines", "month_counts", "usage_all_days", "usage_months")
SUMS = ("usage_hours", "usage_days", "rollup_marks")


def _refers(table: str, column: str, to: str) -> sa.ForeignKey:
    return sa.ForeignKey(to, name=f"fk_{table}_{column}")


def _month_of(table: str) -> list[sa.Column]:
    return [
        sa.Column("account_id", sa.String(64), _refers(table, "account_id", "accounts.id")),
        sa.Column("month", sa.BigInteger()),
    ]


def _amounts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "usage_months",
        *_month_of("usage_months"),
        sa.Column("key_id", sa.String(64), _refers("usage_months", "key_id", "api_keys.id")),
        sa.Column("model", sa.String(200)),
        *_amounts(*SUMMED),
        sa.PrimaryKeyConstraint("account_id", "month", "key_id", "model", name="pk_usage_months"),
    )
    op.create_table(
        "usage_all_days",
        sa.Column("day", sa.BigInteger()),
        sa.Column("model", sa.String(200)),
        *_amounts(*SUMMED),
        sa.PrimaryKeyConstraint("day", "model", name="pk_usage_all_days"),
    )
    op.create_table(
        "month_counts",
        *_month_of("month_counts"),
        sa.Column("price_version", sa.Integer(), _refers("month_counts", "price_version", "price_books.version")),
        *_amounts("requests", "first_seq", "last_seq"),
        sa.PrimaryKeyConstraint("account_id", "month", "price_version", name="pk_month_counts"),
    )
    op.create_table(
        "month_lines",
        *_month_of("month_lines"),
        sa.Column("model", sa.String(200)),
        sa.Column("token_class", sa.String(20)),
        sa.Column("price_nanousd_per_mtok", sa.BigInteger()),
        sa.Column("discount_percent", sa.Integer()),
        *_amounts("tokens", "cost_nanousd"),
        sa.PrimaryKeyConstraint(
            "account_id", "month", "model", "token_class", "price_nanousd_per_mtok", "discount_percent",
            name="pk_month_lines",
        ),
    )  # fmt: skip
    op.create_table(
        "month_uses",
        *_month_of("month_uses"),
        sa.Column("grant_id", sa.String(64), _refers("month_uses", "grant_id", "grants.id")),
        *_amounts("amount_nanousd"),
        sa.PrimaryKeyConstraint("account_id", "month", "grant_id", name="pk_month_uses"),
    )
    for table in SUMS:
        op.execute(f"DELETE FROM {table}")
    op.create_index("ix_usage_months_month", "usage_months", ["month"])
    op.create_index("ix_usage_hours_hour", "usage_hours", ["hour"])
    for name, columns in EVENT_INDEXES.items():
        op.create_index(name, "usage_events", columns)


def downgrade() -> None:
    for name in EVENT_INDEXES:
        op.drop_index(name, "usage_events")
    op.drop_index("ix_usage_hours_hour", "usage_hours")
    for table in NEW:
        op.drop_table(table)
