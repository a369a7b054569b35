from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, UniqueConstraint

from gateway.kit.db import metadata

identities = Table(
    "identities",
    metadata,
    Column("issuer", String(255), primary_key=True),
    Column("sub", String(255), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.id"), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    UniqueConstraint("issuer", "person_id", name="uq_identities_person"),
)
"""A person has one at an issuer: whoever is given their address there later is somebody else."""
