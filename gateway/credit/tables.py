from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table

from gateway.kit.db import metadata

balances = Table(
    "balances",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("granted_nanousd", BigInteger, nullable=False),
    Column("settled_nanousd", BigInteger, nullable=False),
    Column("held_nanousd", BigInteger, nullable=False),
    Column("credit_limit_nanousd", BigInteger, nullable=False),
    Column("renew_us", BigInteger, nullable=False),
    Column("turn_us", BigInteger, nullable=False),
    Column("chain_seq", BigInteger, nullable=False),
    Column("chain_hash", String(64), nullable=False),
    CheckConstraint(
        "settled_nanousd >= 0 AND held_nanousd >= 0 AND credit_limit_nanousd >= 0", name="no_negative"
    ),
    CheckConstraint(
        "settled_nanousd + held_nanousd <= granted_nanousd + credit_limit_nanousd", name="no_overspend"
    ),
)
"""Counters: a cache of the rows below, and the lock under which everything of an account changes."""

grants = Table(
    "grants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("amount_nanousd", BigInteger, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=True),
    Column("priority", Integer, nullable=False),
    CheckConstraint("amount_nanousd > 0 OR kind IN ('correction', 'expiry')", name="only_corrections_take"),
)
Index("ix_grants_account_id", grants.c.account_id)

open_grants = Table(
    "open_grants",
    metadata,
    Column("grant_id", String(64), ForeignKey("grants.id"), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("left_nanousd", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    CheckConstraint("left_nanousd >= 0", name="not_negative"),
)
"""What is left of each grant: a counter beside the immutable row."""
Index(
    "ix_open_grants_account_left",
    open_grants.c.account_id,
    sqlite_where=open_grants.c.left_nanousd > 0,
    postgresql_where=open_grants.c.left_nanousd > 0,
)

grant_uses = Table(
    "grant_uses",
    metadata,
    Column("grant_id", String(64), ForeignKey("grants.id"), primary_key=True),
    Column("used_by", String(64), primary_key=True),
    Column("amount_nanousd", BigInteger, nullable=False),
    CheckConstraint("amount_nanousd > 0", name="something"),
)
"""Which grant paid for what: appended.  `used_by` is a request, or the grant row that took it back."""
Index("ix_grant_uses_used_by", grant_uses.c.used_by)

processes = Table(
    "processes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("batch", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)
"""Running gateways.  `batch` numbers each one's transactions: a batch that was committed is not committed again."""
Index("ix_processes_expires_us", processes.c.expires_us)

leases = Table(
    "leases",
    metadata,
    Column("process_id", String(64), ForeignKey("processes.id"), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("key_id", String(64), primary_key=True),
    Column("project_id", String(64), primary_key=True),
    Column("day_us", BigInteger, primary_key=True),
    Column("held_nanousd", BigInteger, nullable=False),
    CheckConstraint("held_nanousd >= 0", name="not_negative"),
)
"""What each process has drawn in advance.  `key_id` and `project_id` are empty unless they have caps, `day_us` 0 unless one has."""
Index("ix_leases_account_id", leases.c.account_id)

counters = Table(
    "counters",
    metadata,
    Column("subject_id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("period", String(20), primary_key=True),
    Column("settled_nanousd", BigInteger, nullable=False),
    Column("held_nanousd", BigInteger, nullable=False),
    CheckConstraint("settled_nanousd >= 0 AND held_nanousd >= 0", name="not_negative"),
)
"""What each key and each project spent per day, per month and in all; for those with caps also what is held."""
Index("ix_counters_account_id", counters.c.account_id)
