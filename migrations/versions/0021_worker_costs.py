"""What a request cost whoever runs its worker, where that is known, and its sums: for margins.

Of what there is nothing is known: events have NULL, sums 0 and 0.  A gateway of the version before may run on; what it
writes and sums stays unknown.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ROLLUPS = ("usage_hours", "usage_days", "usage_months", "usage_all_days")
SUMS = ("worker_cost_nanousd", "cost_known_nanousd")


def upgrade() -> None:
    # Not through a copy of the table: events are many, and a column that is null everywhere costs nothing.
    op.add_column("usage_events", sa.Column("worker_cost_nanousd", sa.BigInteger(), nullable=True))
    for table in ROLLUPS:
        for name in SUMS:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Forgets what workers cost; bills and receipts stay as they are."""
    for table in ROLLUPS:
        for name in SUMS:
            op.drop_column(table, name)
    op.drop_column("usage_events", "worker_cost_nanousd")
