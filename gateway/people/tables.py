from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from gateway.kit.db import metadata

people = Table(
    "people",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("password_hash", String(300), nullable=True),
    Column("is_operator", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("disabled_us", BigInteger, nullable=True),
)
"""`email` is in lower case."""

memberships = Table(
    "memberships",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.id"), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("created_us", BigInteger, nullable=False),
)
Index("ix_memberships_person_id", memberships.c.person_id)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.id"), nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger, nullable=True),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("email", String(254), primary_key=True),
    Column("begun_us", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
)
"""Wrong passwords in a row since `begun_us`, for addresses that there are and others alike."""

sign_in_asks = Table(
    "sign_in_asks",
    metadata,
    Column("who", String(300), primary_key=True),
    Column("begun_us", BigInteger, nullable=False),
    Column("asks", Integer, nullable=False),
)
"""How often somebody (`mail ADDRESS`, `from CLIENT`, `invites ACCOUNT`) made us send mail since `begun_us`."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("person_id", String(64), ForeignKey("people.id"), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger, nullable=True),
    Column("ip", String(64), nullable=False),
    Column("user_agent", String(300), nullable=False),
)
Index("ix_sessions_person_id", sessions.c.person_id)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", String(300), nullable=False),
    Column("action", String(64), nullable=False),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=True),
    Column("target", String(300), nullable=False),
    Column("before", Text, nullable=True),
    Column("after", Text, nullable=True),
)
"""Only ever appended to.  `actor`: see gateway/acts; `before` and `after` are JSON."""
Index("ix_audit_log_account_id", audit_log.c.account_id, audit_log.c.id)
