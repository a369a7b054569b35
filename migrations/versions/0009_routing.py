"""Weights, limits and heartbeats of workers; a routing policy of a key.

While this runs, the version before it may still be serving: all columns may be empty.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("weight", sa.BigInteger(), nullable=True))
    op.add_column("workers", sa.Column("concurrency_max", sa.BigInteger(), nullable=True))
    op.add_column("workers", sa.Column("expires_us", sa.BigInteger(), nullable=True))
    op.add_column("api_keys", sa.Column("policy", sa.String(32), nullable=True))


def downgrade() -> None:
    op.drop_column("api_keys", "policy")
    op.drop_column("workers", "expires_us")
    op.drop_column("workers", "concurrency_max")
    op.drop_column("workers", "weight")
