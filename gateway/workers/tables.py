from sqlalchemy import BigInteger, Boolean, Column, String, Table, Text

from gateway.kit.db import metadata

workers = Table(
    "workers",
    metadata,
    Column("name", String(500), primary_key=True),
    Column("url", String(500), nullable=True),
    Column("models", Text, nullable=False),
    Column("cordoned", Boolean, nullable=False),
    Column("weight", BigInteger, nullable=True),
    Column("concurrency_max", BigInteger, nullable=True),
    Column("expires_us", BigInteger, nullable=True),
    Column("created_us", BigInteger, nullable=False),
)
"""What changed while gateways run: workers that operators added or that joined (with a URL), and the state of any."""
