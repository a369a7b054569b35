"""Receipts are chained per account: an edited, missing or inserted event is found by `audit`.

Events from before are chained in the order of their ids, which are time-ordered.  Stop the gateway first: an older
version would write events without a link.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from gateway.metering.chain import GENESIS, link

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FIELDS = (
    "request_id", "account_id", "key_id", "model", "worker", "price_version", "outcome", "streamed", "input_source",
    "image_source", "output_source", "reasoning_source", "input_tokens", "input_image_tokens", "input_cached_tokens",
    "output_tokens", "output_reasoning_tokens", "cost_nanousd", "held_nanousd", "created_us", "duration_us",
    "first_byte_us",
)  # fmt: skip
"""As they were at this revision: a migration does not follow later changes of the code."""


def upgrade() -> None:
    op.add_column("usage_events", sa.Column("account_seq", sa.BigInteger(), nullable=True))
    op.add_column("usage_events", sa.Column("chain_hash", sa.String(64), nullable=True))
    _chain_what_is_there(op.get_bind())
    with op.batch_alter_table("usage_events") as batch:
        batch.alter_column("account_seq", existing_type=sa.BigInteger(), nullable=False)
        batch.alter_column("chain_hash", existing_type=sa.String(64), nullable=False)
        batch.create_unique_constraint("uq_usage_events_account_seq", ["account_id", "account_seq"])


def _chain_what_is_there(conn: sa.Connection) -> None:
    events = sa.table("usage_events", *(sa.column(name) for name in (*FIELDS, "account_seq", "chain_hash")))
    heads: dict[str, tuple[int, str]] = {}
    found = conn.execute(sa.select(*(events.c[name] for name in FIELDS)).order_by(events.c.request_id)).mappings().all()
    for row in found:
        seq, before = heads.get(row["account_id"], (0, GENESIS))
        fields = {**row, "streamed": bool(row["streamed"])}
        head = (seq + 1, link(before, seq + 1, fields))
        heads[row["account_id"]] = head
        change = sa.update(events).where(events.c.request_id == row["request_id"])
        conn.execute(change.values(account_seq=head[0], chain_hash=head[1]))


def downgrade() -> None:
    with op.batch_alter_table("usage_events") as batch:
        batch.drop_constraint("uq_usage_events_account_seq", type_="unique")
        batch.drop_column("chain_hash")
        batch.drop_column("account_seq")
