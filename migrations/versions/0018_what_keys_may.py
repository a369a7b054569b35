"""What a key may and until when, the secret before its last rotation, and when it was last used.

While this runs, the version before it may still be serving: it makes keys without limits, and knows no earlier secret.
When a key was last used begins with what the sums by hour know, so up to an hour early.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

HOUR_US = 3_600_000_000


def upgrade() -> None:
    for name in ("scopes", "models", "ips"):
        op.add_column("api_keys", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("expires_us", sa.BigInteger(), nullable=True))
    op.add_column("api_keys", sa.Column("previous_hash", sa.String(64), nullable=True))
    op.add_column("api_keys", sa.Column("previous_until_us", sa.BigInteger(), nullable=True))
    op.create_index("ix_api_keys_previous_hash", "api_keys", ["previous_hash"], unique=True)
    op.create_table(
        "key_uses",
        sa.Column("key_id", sa.String(64), sa.ForeignKey("api_keys.id", name="fk_key_uses_key_id")),
        sa.Column("used_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_key_uses"),
    )
    op.execute(
        f"INSERT INTO key_uses (key_id, used_us) SELECT key_id, MAX(hour) * {HOUR_US} FROM usage_hours GROUP BY key_id"
    )


def downgrade() -> None:
    op.drop_table("key_uses")
    op.drop_index("ix_api_keys_previous_hash", "api_keys")
    for name in ("previous_until_us", "previous_hash", "expires_us", "ips", "models", "scopes"):
        op.drop_column("api_keys", name)
