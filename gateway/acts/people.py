"""People are made known and shut out, and given links that sign them in.  What members do themselves is in people/."""

from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.oidc import store as identities
from gateway.people import sign_in, store
from gateway.people.log import record
from gateway.people.roles import Role
from gateway.people.types import Person


def add_person(conn: WriteConn, by: str, email: str, *, name: str = "", is_operator: bool = False) -> Person:
    """As `people.sign_in.add_person`."""
    now = now_us()
    person = sign_in.add_person(conn, email, name=name, is_operator=is_operator, now_us=now)
    record(conn, by, "person.add", now, target=person.email, after={"is_operator": is_operator})
    return person


def join_account(conn: WriteConn, by: str, account_id: str, person: Person, role: Role) -> None:
    """Makes somebody a member, whoever asks.  Raises Conflict: they are one already."""
    now = now_us()
    store.join(conn, account_id, person.id, role, now)
    record(conn, by, "member.invite", now, target=person.email, account_id=account_id, after={"role": role})


def make_link(conn: WriteConn, by: str, person: Person, ttl_us: int) -> str:
    """A secret that signs this person in once."""
    now = now_us()
    record(conn, by, "link.make", now, target=person.email)
    return sign_in.new_link(conn, person.id, now, ttl_us)


def operators_link(conn: WriteConn, by: str, email: str) -> str:
    """A link's secret for an operator, who is made known if need be."""
    person = store.find_person(conn, email) or add_person(conn, by, email, is_operator=True)
    return make_link(conn, by, person, sign_in.LINK_TTL_US)


def disable_person(conn: WriteConn, by: str, email: str) -> None:
    """Their sessions end, and nothing lets them in again.  Raises NotFound."""
    now, person = now_us(), store.require_person(conn, email)
    store.change_person(conn, person.id, disabled_us=now)
    store.revoke_sessions(conn, person.id, now)
    record(conn, by, "person.disable", now, target=person.email)


def sign_out_person(conn: WriteConn, by: str, email: str) -> int:
    """Their sessions end, and links that were not used; how many sessions.  Raises NotFound."""
    now, person = now_us(), store.require_person(conn, email)
    store.drop_links(conn, person.id)
    record(conn, by, "session.end", now, target=person.email)
    return store.revoke_sessions(conn, person.id, now)


def unlink_person(conn: WriteConn, by: str, email: str) -> int:
    """Forgets who they are at OpenID Connect providers; at how many.  Raises NotFound."""
    person = store.require_person(conn, email)
    gone = identities.unlink(conn, person.id)
    record(conn, by, "identity.unlink", now_us(), target=person.email, before={"identities": gone})
    return gone
