"""Projects: keys in groups with a budget; what each key and each project spent is in one table; usage by project.

Stop every gateway first, as for 0007: the version before counts in a table that is gone after this, and would spend past a
budget that it knows nothing of.  What exists belongs to no project; events and receipts stay as they are, and so do their
hashes and their sums.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ROLLUPS = (("usage_hours", "hour"), ("usage_days", "day"), ("usage_months", "month"))
SOME = sa.text("project_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("archived_us", sa.BigInteger(), nullable=True),
        *(sa.Column(f"cap_{window}_nanousd", sa.BigInteger(), nullable=True) for window in ("day", "month", "total")),
        sa.CheckConstraint(
            "cap_day_nanousd >= 0 AND cap_month_nanousd >= 0 AND cap_total_nanousd >= 0",
            name=op.f("ck_projects_no_negative_cap"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_projects_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("account_id", "name", name="uq_projects_account_name"),
    )
    # Not through a copy of the table: events are many, and a column that is null everywhere costs nothing.
    for table in ("usage_events", "api_keys"):
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN project_id VARCHAR(64)"
            f" CONSTRAINT fk_{table}_project_id REFERENCES projects (id)"
        )
    op.create_index("ix_api_keys_project_id", "api_keys", ["project_id"])
    op.create_index(
        "ix_usage_events_project_created", "usage_events", ["project_id", "created_us"],
        sqlite_where=SOME, postgresql_where=SOME,
    )  # fmt: skip
    _counters("counters", "subject_id")
    op.create_index("ix_counters_account_id", "counters", ["account_id"])
    _copy("key_counters", "key_id", "counters", "subject_id")
    op.drop_table("key_counters")
    _with_project("leases", ["process_id", "account_id", "key_id", "project_id", "day_us"])
    for table, period in ROLLUPS:
        _with_project(table, ["account_id", period, "key_id", "project_id", "model"])


def downgrade() -> None:
    """Only without projects: what was spent in one cannot be expressed."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM projects LIMIT 1")).first() is not None:
        raise RuntimeError("there are projects, which revision 0016 cannot express; restore the backup made before")
    for table, period in ROLLUPS:
        _without_project(table, ["account_id", period, "key_id", "model"])
    _without_project("leases", ["process_id", "account_id", "key_id", "day_us"])
    _counters("key_counters", "key_id", sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_key_counters_key_id"))
    _copy("counters", "subject_id", "key_counters", "key_id")
    op.drop_index("ix_counters_account_id", "counters")
    op.drop_table("counters")
    op.drop_index("ix_usage_events_project_created", "usage_events")
    op.drop_index("ix_api_keys_project_id", "api_keys")
    for table in ("api_keys", "usage_events"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("project_id")  # and with it its foreign key
    op.drop_table("projects")


def _counters(table: str, subject: str, *constraints: sa.Constraint) -> None:
    op.create_table(
        table,
        sa.Column(subject, sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("period", sa.String(20), nullable=False),
        sa.Column("settled_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("held_nanousd", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("settled_nanousd >= 0 AND held_nanousd >= 0", name=op.f(f"ck_{table}_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=f"fk_{table}_account_id"),
        sa.PrimaryKeyConstraint(subject, "period", name=f"pk_{table}"),
        *constraints,
    )


def _copy(source: str, of: str, target: str, to: str) -> None:
    rest = "account_id, period, settled_nanousd, held_nanousd"
    op.execute(f"INSERT INTO {target} ({to}, {rest}) SELECT {of}, {rest} FROM {source}")


def _with_project(table: str, key: list[str]) -> None:
    """A row for each project; what there is was in none."""
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(f"pk_{table}", type_="primary")
        batch.add_column(sa.Column("project_id", sa.String(64), nullable=False, server_default=""))
        batch.create_primary_key(f"pk_{table}", key)
    with op.batch_alter_table(table) as batch:
        batch.alter_column("project_id", existing_type=sa.String(64), server_default=None)


def _without_project(table: str, key: list[str]) -> None:
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(f"pk_{table}", type_="primary")
        batch.drop_column("project_id")
        batch.create_primary_key(f"pk_{table}", key)
