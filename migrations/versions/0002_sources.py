"""Where each number of a usage event came from, instead of one word for all.

While this runs, the version before it may still be serving: add, then backfill, then enforce; drop one release later.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAMES = ("input_source", "image_source", "output_source", "reasoning_source")


def upgrade() -> None:
    for name in NAMES:
        op.add_column("usage_events", sa.Column(name, sa.String(16), nullable=True))
        op.execute(f"UPDATE usage_events SET {name} = source")
    with op.batch_alter_table("usage_events") as batch:
        for name in NAMES:
            batch.alter_column(name, existing_type=sa.String(16), nullable=False)
        batch.drop_column("source")


def downgrade() -> None:
    op.add_column("usage_events", sa.Column("source", sa.String(16), nullable=True))
    op.execute("UPDATE usage_events SET source = input_source")
    with op.batch_alter_table("usage_events") as batch:
        batch.alter_column("source", existing_type=sa.String(16), nullable=False)
        for name in NAMES:
            batch.drop_column(name)
