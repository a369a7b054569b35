from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from gateway.kit.db import metadata

alert_rules = Table(
    "alert_rules",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("key_id", String(64), ForeignKey("api_keys.id"), nullable=True),
    Column("kind", String(16), nullable=False),
    Column("amount_nanousd", BigInteger, nullable=False),
    Column("marks", String(200), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("removed_us", BigInteger, nullable=True),
)
"""`marks`: numbers with commas between.  A rule that was removed stays, for what it found."""
Index("ix_alert_rules_account_id", alert_rules.c.account_id)

alert_firings = Table(
    "alert_firings",
    metadata,
    Column("rule_id", String(64), ForeignKey("alert_rules.id"), primary_key=True),
    Column("mark", BigInteger, primary_key=True),
    Column("period", BigInteger, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("fired_us", BigInteger, nullable=False),
    Column("recovered_us", BigInteger, nullable=True),
)
"""Its primary key is why a rule fires once per threshold and period: whoever inserts the row sends the messages."""
Index("ix_alert_firings_account_id", alert_firings.c.account_id, alert_firings.c.fired_us)

alert_targets = Table(
    "alert_targets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("url", String(2000), nullable=True),
    Column("person_id", String(64), ForeignKey("people.id"), nullable=True),
    Column("secret_number", Integer, nullable=False),
    Column("rotated_us", BigInteger, nullable=True),
    Column("paused_us", BigInteger, nullable=True),
    Column("created_us", BigInteger, nullable=False),
    Column("removed_us", BigInteger, nullable=True),
    CheckConstraint(
        "(kind = 'webhook') = (url IS NOT NULL) AND (kind = 'mail') = (person_id IS NOT NULL)",
        name="one_address",
    ),
)
"""Mail goes to members alone, at the address that they have; who is no member any more gets none."""
Index("ix_alert_targets_account_id", alert_targets.c.account_id)

alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("accounts.id"), nullable=False),
    Column("target_id", String(64), ForeignKey("alert_targets.id"), nullable=False),
    Column("firing_id", String(64), ForeignKey("alert_firings.id"), nullable=True),
    Column("message", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("delivered_us", BigInteger, nullable=True),
    Column("given_up_us", BigInteger, nullable=True),
    Column("last_error", String(500), nullable=True),
    CheckConstraint(
        "(due_us IS NULL) = (delivered_us IS NOT NULL OR given_up_us IS NOT NULL)", name="due_or_done"
    ),
)
"""The outbox.  Whoever moves `due_us` on may send it; a process that died with it leaves it due again."""
Index("ix_alert_deliveries_account_id", alert_deliveries.c.account_id, alert_deliveries.c.created_us)
Index(
    "ix_alert_deliveries_due",
    alert_deliveries.c.due_us,
    sqlite_where=alert_deliveries.c.due_us.is_not(None),
    postgresql_where=alert_deliveries.c.due_us.is_not(None),
)
