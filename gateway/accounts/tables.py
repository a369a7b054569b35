from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from gateway.kit.db import metadata

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("created_us", BigInteger, nullable=False),
)

suspensions = Table(
    "suspensions",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id"), primary_key=True),
    Column("because_of", String(64), primary_key=True),
    Column("reason", String(300), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("lifted_us", BigInteger, nullable=True),
)
"""Why an account is served nothing.  `because_of` is a dispute or an invoice; each suspends once, and is lifted once."""
