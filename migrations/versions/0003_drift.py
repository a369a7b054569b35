"""Samples of requests that were counted twice: by their worker and by us.

While this runs, the version before it may still be serving: add, then backfill, then enforce; drop one release later.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COUNTS = (
    "worker_input_tokens",
    "counted_input_tokens",
    "worker_output_tokens",
    "counted_output_tokens",
    "explained_output_tokens",
    "created_us",
)


def upgrade() -> None:
    op.create_table(
        "drift_samples",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("worker", sa.String(500), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        sa.ForeignKeyConstraint(["request_id"], ["usage_events.request_id"], name="fk_drift_samples_request_id"),
        sa.PrimaryKeyConstraint("request_id", name="pk_drift_samples"),
    )
    op.create_index("ix_drift_samples_model_worker", "drift_samples", ["model", "worker"])


def downgrade() -> None:
    op.drop_index("ix_drift_samples_model_worker", table_name="drift_samples")
    op.drop_table("drift_samples")
