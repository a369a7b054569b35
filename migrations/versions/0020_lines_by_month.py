"""An order of statements' lines by month, for a dry run of prices over all accounts.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_month_lines_month", "month_lines", ["month"])


def downgrade() -> None:
    op.drop_index("ix_month_lines_month", "month_lines")
