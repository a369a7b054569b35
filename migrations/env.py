"""Alembic's environment: one transaction per migration, the same scripts on SQLite and PostgreSQL.

`gateway.kit.schema` puts the database's URL into `config.attributes["url"]`.
"""

from alembic import context
from sqlalchemy import create_engine, pool, text

import gateway.accounts.tables
import gateway.alerts.tables
import gateway.billing.tables
import gateway.catalog.tables
import gateway.credit.tables
import gateway.invoices.tables
import gateway.keys.tables
import gateway.limits.tables
import gateway.metering.tables
import gateway.oidc.tables
import gateway.payments.tables
import gateway.people.tables
import gateway.projects.tables
import gateway.replay.tables
import gateway.rollups.tables
import gateway.workers.tables  # noqa: F401 - importing a table registers it
from gateway.kit.db import metadata

ADVISORY_LOCK = 7_011_855
"""Any constant of ours: two migrations of one PostgreSQL database never run at once."""


def run() -> None:
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SET lock_timeout = '5s'"))
            conn.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK})
            conn.commit()
        context.configure(
            connection=conn,
            target_metadata=metadata,
            render_as_batch=conn.dialect.name == "sqlite",
            transaction_per_migration=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
