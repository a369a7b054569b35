"""Leases instead of holds, volume discounts, grants that burn down and expire one by one, caps of keys.

Stop every gateway first: what was held is given back here, and requests of the version before would settle from
holds that are gone.  Accounts, grants, events and receipts stay as they are, and so do their hashes.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NEVER_US = 2**63 - 1
GENESIS = "0" * 64
CLASSES = ("input_text", "input_image", "input_cached", "output_text", "output_reasoning")
BILLED = "cost_nanousd = 0 OR outcome IN ('completed', 'client_gone')"
BILLED_NOW = "cost_nanousd = 0 OR outcome IN ('completed', 'client_gone', 'credit_ended')"
PRIORITIES = {"monthly_free": 0, "promotion": 10, "sign_up": 20}


def upgrade() -> None:
    _new_tables()
    _new_counters()
    with op.batch_alter_table("api_keys") as batch:
        for window in ("day", "month", "total"):
            batch.add_column(sa.Column(f"cap_{window}_nanousd", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("grants") as batch:
        batch.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="30"))
    with op.batch_alter_table("grants") as batch:
        batch.alter_column("priority", existing_type=sa.Integer(), server_default=None)
    with op.batch_alter_table("balances") as batch:
        batch.add_column(sa.Column("renew_us", sa.BigInteger(), nullable=False, server_default=str(NEVER_US)))
        batch.add_column(sa.Column("turn_us", sa.BigInteger(), nullable=False, server_default=str(NEVER_US)))
        batch.add_column(sa.Column("chain_seq", sa.BigInteger(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("chain_hash", sa.String(64), nullable=False, server_default=""))
    _carry_over(op.get_bind())
    with op.batch_alter_table("balances") as batch:
        batch.drop_constraint(op.f("ck_balances_free_not_negative"), type_="check")
        batch.drop_column("free_left_nanousd")
        batch.drop_column("free_until_us")
        for name, kind in (("renew_us", sa.BigInteger()), ("turn_us", sa.BigInteger()),
                           ("chain_seq", sa.BigInteger()), ("chain_hash", sa.String(64))):  # fmt: skip
            batch.alter_column(name, existing_type=kind, server_default=None)
    with op.batch_alter_table("usage_events") as batch:
        batch.drop_constraint(op.f("fk_usage_events_request_id"), type_="foreignkey")
        for name in CLASSES:
            batch.add_column(sa.Column(f"{name}_start", sa.BigInteger(), nullable=True))
        batch.drop_constraint(op.f("ck_usage_events_only_service_is_billed"), type_="check")
        batch.create_check_constraint(op.f("ck_usage_events_only_service_is_billed"), BILLED_NOW)
    op.drop_table("hold_resolutions")
    op.drop_index("ix_holds_expires_us", table_name="holds")
    op.drop_table("holds")


def _new_tables() -> None:
    op.create_table(
        "open_grants",
        sa.Column("grant_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("left_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("left_nanousd >= 0", name=op.f("ck_open_grants_not_negative")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name="fk_open_grants_grant_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_open_grants_account_id"),
        sa.PrimaryKeyConstraint("grant_id", name="pk_open_grants"),
    )
    left = sa.text("left_nanousd > 0")
    op.create_index(
        "ix_open_grants_account_left", "open_grants", ["account_id"], sqlite_where=left, postgresql_where=left
    )
    op.create_table(
        "grant_uses",
        sa.Column("grant_id", sa.String(64), nullable=False),
        sa.Column("used_by", sa.String(64), nullable=False),
        sa.Column("amount_nanousd", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_nanousd > 0", name=op.f("ck_grant_uses_something")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name="fk_grant_uses_grant_id"),
        sa.PrimaryKeyConstraint("grant_id", "used_by", name="pk_grant_uses"),
    )
    op.create_index("ix_grant_uses_used_by", "grant_uses", ["used_by"])
    op.create_table(
        "processes",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_processes"),
    )
    op.create_index("ix_processes_expires_us", "processes", ["expires_us"])
    op.create_table(
        "leases",
        sa.Column("process_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("day_us", sa.BigInteger(), nullable=False),
        sa.Column("held_nanousd", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("held_nanousd >= 0", name=op.f("ck_leases_not_negative")),
        sa.ForeignKeyConstraint(["process_id"], ["processes.id"], name="fk_leases_process_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_leases_account_id"),
        sa.PrimaryKeyConstraint("process_id", "account_id", "key_id", "day_us", name="pk_leases"),
    )
    op.create_index("ix_leases_account_id", "leases", ["account_id"])


def _new_counters() -> None:
    op.create_table(
        "key_counters",
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("period", sa.String(20), nullable=False),
        sa.Column("settled_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("held_nanousd", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "settled_nanousd >= 0 AND held_nanousd >= 0", name=op.f("ck_key_counters_not_negative")
        ),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_key_counters_key_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_key_counters_account_id"),
        sa.PrimaryKeyConstraint("key_id", "period", name="pk_key_counters"),
    )
    op.create_table(
        "tier_counters",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("token_class", sa.String(20), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("tokens >= 0", name=op.f("ck_tier_counters_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_tier_counters_account_id"),
        sa.PrimaryKeyConstraint("account_id", "month", "model", "token_class", name="pk_tier_counters"),
    )


def _carry_over(conn: sa.Connection) -> None:
    """What is left of each grant, who used the rest, what each key spent, and where each chain ends."""
    conn.execute(sa.text("UPDATE balances SET held_nanousd = 0, renew_us = free_until_us, turn_us = free_until_us"))
    for kind, priority in PRIORITIES.items():
        conn.execute(sa.text("UPDATE grants SET priority = :p WHERE kind = :k"), {"p": priority, "k": kind})
    accounts = conn.execute(sa.text("SELECT account_id, granted_nanousd, settled_nanousd FROM balances")).all()
    for account_id, granted, settled in accounts:
        _open_grants(conn, account_id, max(0, granted - settled))
        head = conn.execute(
            sa.text("SELECT account_seq, chain_hash FROM usage_events WHERE account_id = :a"
                    " ORDER BY account_seq DESC LIMIT 1"), {"a": account_id}
        ).first()  # fmt: skip
        seq, digest = head or (0, "")
        conn.execute(
            sa.text("UPDATE balances SET chain_seq = :s, chain_hash = :h WHERE account_id = :a"),
            {"s": seq, "h": digest, "a": account_id},
        )
    conn.execute(
        sa.text(
            "INSERT INTO key_counters (key_id, account_id, period, settled_nanousd, held_nanousd)"
            " SELECT key_id, account_id, 'total', SUM(cost_nanousd), 0 FROM usage_events GROUP BY key_id, account_id"
        )
    )


def _open_grants(conn: sa.Connection, account_id: str, left: int) -> None:
    """The last to burn down are the ones that are left: never to expire, lowest in priority, newest."""
    rows = conn.execute(
        sa.text("SELECT id, amount_nanousd, expires_us, priority, created_us FROM grants"
                " WHERE account_id = :a AND amount_nanousd > 0"), {"a": account_id}
    ).all()  # fmt: skip
    for row in sorted(rows, key=lambda row: (row[2] or NEVER_US, row[3], row[4], row[0]), reverse=True):
        part = min(left, row[1])
        left -= part
        values = {"g": row[0], "a": account_id, "l": part, "e": row[2] or NEVER_US, "p": row[3], "c": row[4]}
        conn.execute(sa.text("INSERT INTO open_grants VALUES (:g, :a, :l, :e, :p, :c)"), values)
        if row[1] > part:
            used = {"g": row[0], "u": "before leases", "n": row[1] - part}
            conn.execute(sa.text("INSERT INTO grant_uses VALUES (:g, :u, :n)"), used)


def downgrade() -> None:
    """Only of a ledger without events: leases and volumes cannot be expressed as holds."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM usage_events LIMIT 1")).first() is not None:
        raise RuntimeError("there are usage events, which revision 0006 cannot express; restore the backup made before")
    _old_tables()
    with op.batch_alter_table("usage_events") as batch:
        batch.drop_constraint(op.f("ck_usage_events_only_service_is_billed"), type_="check")
        batch.create_check_constraint(op.f("ck_usage_events_only_service_is_billed"), BILLED)
        for name in CLASSES:
            batch.drop_column(f"{name}_start")
        batch.create_foreign_key(op.f("fk_usage_events_request_id"), "holds", ["request_id"], ["request_id"])
    with op.batch_alter_table("balances") as batch:
        for name in ("renew_us", "turn_us", "chain_seq", "chain_hash"):
            batch.drop_column(name)
        batch.add_column(sa.Column("free_left_nanousd", sa.BigInteger(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("free_until_us", sa.BigInteger(), nullable=False, server_default=str(NEVER_US)))
        batch.create_check_constraint(op.f("ck_balances_free_not_negative"), "free_left_nanousd >= 0")
    with op.batch_alter_table("grants") as batch:
        batch.drop_column("priority")
    with op.batch_alter_table("api_keys") as batch:
        for window in ("day", "month", "total"):
            batch.drop_column(f"cap_{window}_nanousd")
    for table in ("tier_counters", "key_counters", "leases", "processes", "grant_uses", "open_grants"):
        op.drop_table(table)


def _old_tables() -> None:
    op.create_table(
        "holds",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("amount_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens_max", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_nanousd >= 0", name=op.f("ck_holds_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_holds_account_id"),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_holds_key_id"),
        sa.PrimaryKeyConstraint("request_id", name="pk_holds"),
    )
    op.create_index("ix_holds_expires_us", "holds", ["expires_us"])
    op.create_table(
        "hold_resolutions",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("amount_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_nanousd >= 0", name=op.f("ck_hold_resolutions_not_negative")),
        sa.CheckConstraint(
            "kind = 'posted' OR (kind = 'expired' AND amount_nanousd = 0)",
            name=op.f("ck_hold_resolutions_known_kind"),
        ),
        sa.ForeignKeyConstraint(["request_id"], ["holds.request_id"], name="fk_hold_resolutions_request_id"),
        sa.PrimaryKeyConstraint("request_id", name="pk_hold_resolutions"),
    )
