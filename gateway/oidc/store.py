"""All SQL about who is whom at a provider."""

from sqlalchemy import delete, select

from gateway.kit.db import ReadConn, WriteConn, upsert
from gateway.oidc.tables import identities
from gateway.oidc.types import Identity


def person_of(conn: ReadConn | WriteConn, identity: Identity) -> str | None:
    """A person's id."""
    query = select(identities.c.person_id).where(
        identities.c.issuer == identity.issuer, identities.c.sub == identity.sub
    )
    found: str | None = conn.execute(query).scalar()
    return found


def link(conn: WriteConn, identity: Identity, person_id: str, now_us: int) -> bool:
    """False: this person has another identity at this issuer."""
    row = {"issuer": identity.issuer, "sub": identity.sub, "person_id": person_id, "created_us": now_us}
    conn.execute(upsert(conn.dialect.name, identities), row)
    return person_of(conn, identity) == person_id


def unlink(conn: WriteConn, person_id: str) -> int:
    """How many there were."""
    return conn.execute(delete(identities).where(identities.c.person_id == person_id)).rowcount
