"""How often links were asked for by mail.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in_asks",
        sa.Column("who", sa.String(300), primary_key=True),
        sa.Column("begun_us", sa.BigInteger, nullable=False),
        sa.Column("asks", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("sign_in_asks")
