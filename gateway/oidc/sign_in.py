"""From who somebody is at the provider to a person here, and a session."""

from collections.abc import Collection

from gateway.kit.db import WriteConn
from gateway.oidc import store
from gateway.oidc.types import Identity, SignInRefused
from gateway.people import store as people
from gateway.people.log import record
from gateway.people.sign_in import add_person, begin
from gateway.people.types import Person

ACTOR = "oidc"


def by_identity(
    conn: WriteConn, identity: Identity, domains: Collection[str], *, ip: str, user_agent: str, now_us: int
) -> str:
    """A session's secret.

    Raises:
        SignInRefused: nobody here, somebody else, or shut out.
    """
    known = store.person_of(conn, identity)
    person = people.find_person(conn, known) if known else _first_time(conn, identity, domains, now_us)
    if person is None or person.disabled_us is not None:
        raise SignInRefused(f"{identity.email} is shut out here; ask whoever runs this gateway")
    return begin(conn, person, ip=ip, user_agent=user_agent, now_us=now_us, how="oidc")


def _first_time(conn: WriteConn, identity: Identity, domains: Collection[str], now_us: int) -> Person:
    """Whose verified address it is; nobody's, and of these domains: a new person's, who is a member of nothing yet."""
    person = people.find_person(conn, identity.email) if "@" in identity.email else None
    if person is None:
        if identity.email.rpartition("@")[2] not in domains:
            raise SignInRefused(
                f"{identity.email} is not known here; an owner of your account has to invite this address"
            )
        person = add_person(conn, identity.email, name=identity.name, is_operator=False, now_us=now_us)
        record(conn, ACTOR, "person.add", now_us, target=person.email, after={"is_operator": False})
    if person.disabled_us is not None:
        return person
    if not store.link(conn, identity, person.id, now_us):
        raise SignInRefused(
            f"{identity.email} was signed in here by another account of the provider's;"
            " if this is you, ask whoever runs this gateway to unlink the old one"
        )
    record(conn, person.email, "identity.link", now_us, target=person.id,
           after={"issuer": identity.issuer, "sub": identity.sub})  # fmt: skip
    return person
