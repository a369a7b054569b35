from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from gateway.kit.db import metadata

price_books = Table(
    "price_books",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("effective_from_us", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
)
"""Rows are inserted, never changed: `document` is the PriceBook as JSON with sorted keys."""
