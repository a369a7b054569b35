"""The monthly free tier: what is left of it, until when, and the expiry of what nobody used.

While this runs, the version before it may still be serving: add, then backfill, then enforce; drop one release later.
Accounts that exist get no free tier: nothing is given to anybody behind the operator's back.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NEVER_US = 2**63 - 1
ONLY_CORRECTIONS = "amount_nanousd > 0 OR kind = 'correction'"
CORRECTIONS_AND_EXPIRIES = "amount_nanousd > 0 OR kind IN ('correction', 'expiry')"


def upgrade() -> None:
    with op.batch_alter_table("balances") as batch:
        batch.add_column(sa.Column("free_left_nanousd", sa.BigInteger(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("free_until_us", sa.BigInteger(), nullable=False, server_default=str(NEVER_US)))
        batch.create_check_constraint(op.f("ck_balances_free_not_negative"), "free_left_nanousd >= 0")
    with op.batch_alter_table("balances") as batch:
        batch.alter_column("free_left_nanousd", existing_type=sa.BigInteger(), server_default=None)
        batch.alter_column("free_until_us", existing_type=sa.BigInteger(), server_default=None)
    with op.batch_alter_table("grants") as batch:
        batch.add_column(sa.Column("expires_us", sa.BigInteger(), nullable=True))
        batch.drop_constraint(op.f("ck_grants_only_corrections_take"), type_="check")
        batch.create_check_constraint(op.f("ck_grants_only_corrections_take"), CORRECTIONS_AND_EXPIRIES)


def downgrade() -> None:
    with op.batch_alter_table("grants") as batch:
        batch.drop_constraint(op.f("ck_grants_only_corrections_take"), type_="check")
        batch.create_check_constraint(op.f("ck_grants_only_corrections_take"), ONLY_CORRECTIONS)
        batch.drop_column("expires_us")
    with op.batch_alter_table("balances") as batch:
        batch.drop_constraint(op.f("ck_balances_free_not_negative"), type_="check")
        batch.drop_column("free_until_us")
        batch.drop_column("free_left_nanousd")
