from sqlalchemy import BigInteger, Boolean, Column, String, Table, Text

from gateway.kit.db import metadata

workers = Table(
    "workers",
    metadata,
    Column("name", String(500), primary_key=True),
    Column("url", String(500), nullable=True),
    Column("models", Text, nullable=False),
    Column("cordoned", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)
"""What operators changed while gateways run: workers added (with a URL), and configured ones that are cordoned."""
