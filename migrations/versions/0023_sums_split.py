"""Sums say how requests ended, and what each class of their tokens cost.

Columns of the sums that there are, zero in what was summed before, which `unsplit_seq` remembers: those stay right, and say
neither.  No event is read, so it takes as long for ten million as for ten.  A gateway of the version before sums without
splitting: stop all of them first, or `audit` names what they summed.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ROLLUPS = ("usage_hours", "usage_days", "usage_months", "usage_all_days")
SPLIT = (
    "completed_requests",
    "client_gone_requests",
    "credit_ended_requests",
    "empty_requests",
    "worker_failed_requests",
    "worker_refused_requests",
    "deadline_requests",
    "gateway_failed_requests",
    "input_cached_image_tokens",
    "input_text_nanousd",
    "input_image_nanousd",
    "input_cached_nanousd",
    "output_text_nanousd",
    "output_reasoning_nanousd",
)


def upgrade() -> None:
    for table in ROLLUPS:
        for name in SPLIT:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("rollup_marks", sa.Column("unsplit_seq", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE rollup_marks SET unsplit_seq = account_seq")


def downgrade() -> None:
    """Forgets how the sums were split."""
    op.drop_column("rollup_marks", "unsplit_seq")
    for table in ROLLUPS:
        for name in SPLIT:
            op.drop_column(table, name)
