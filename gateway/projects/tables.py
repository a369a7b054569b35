from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, String, Table, UniqueConstraint

from gateway.kit.db import metadata

projects = Table(
    "projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("archived_us", BigInteger, nullable=True),
    Column("cap_day_nanousd", BigInteger, nullable=True),
    Column("cap_month_nanousd", BigInteger, nullable=True),
    Column("cap_total_nanousd", BigInteger, nullable=True),
    UniqueConstraint("account_id", "name", name="uq_projects_account_name"),
    CheckConstraint(
        "cap_day_nanousd >= 0 AND cap_month_nanousd >= 0 AND cap_total_nanousd >= 0", name="no_negative_cap"
    ),
)
