"""All SQL about people, where they belong, their sessions, and the log of what was changed."""

import msgspec
from sqlalchemy import ColumnElement, case, delete, exists, insert, or_, select, update

from gateway.accounts.tables import accounts
from gateway.errors import Conflict, NotFound
from gateway.kit.db import ReadConn, WriteConn, rows, upsert
from gateway.people.roles import Role
from gateway.people.tables import (
    audit_log,
    memberships,
    people,
    sessions,
    sign_in_asks,
    sign_in_failures,
    sign_in_links,
)
from gateway.people.types import Entry, Lines, Member, Membership, Person, Session

_Condition = ColumnElement[bool]


def insert_person(conn: WriteConn, person: Person) -> None:
    """Raises Conflict: the address is known."""
    if conn.execute(select(people.c.id).where(people.c.email == person.email)).scalar() is not None:
        raise Conflict(f"{person.email} is known already")
    conn.execute(insert(people).values(msgspec.structs.asdict(person)))


def find_person(conn: ReadConn | WriteConn, email_or_id: str) -> Person | None:
    wanted = or_(people.c.email == email_or_id.lower(), people.c.id == email_or_id)
    found = rows(Person, conn.execute(select(people).where(wanted)))
    return found[0] if found else None


def list_people(conn: ReadConn) -> list[Person]:
    return rows(Person, conn.execute(select(people).order_by(people.c.email)))


def change_person(conn: WriteConn, person_id: str, **changes: str | int | bool | None) -> None:
    conn.execute(update(people).where(people.c.id == person_id).values(changes))


def memberships_of(conn: ReadConn | WriteConn, person_id: str) -> tuple[Membership, ...]:
    query = (
        select(memberships.c.account_id, accounts.c.name.label("account_name"), memberships.c.role)
        .join(accounts, accounts.c.id == memberships.c.account_id)
        .where(memberships.c.person_id == person_id)
        .order_by(accounts.c.name)
    )
    return tuple(rows(Membership, conn.execute(query)))


def members_of(conn: ReadConn | WriteConn, account_id: str) -> list[Member]:
    query = (
        select(
            memberships.c.person_id,
            people.c.email,
            people.c.name,
            memberships.c.role,
            memberships.c.created_us,
        )
        .join(people, people.c.id == memberships.c.person_id)
        .where(memberships.c.account_id == account_id)
        .order_by(people.c.email)
    )
    return rows(Member, conn.execute(query))


def role_of(conn: ReadConn | WriteConn, account_id: str, person_id: str) -> Role | None:
    return conn.execute(select(memberships.c.role).where(*_place(account_id, person_id))).scalar()


def join(conn: WriteConn, account_id: str, person_id: str, role: Role, now_us: int) -> None:
    """Raises Conflict: they are in already."""
    if role_of(conn, account_id, person_id) is not None:
        raise Conflict("they are a member already; change their role instead")
    conn.execute(
        insert(memberships).values(account_id=account_id, person_id=person_id, role=role, created_us=now_us)
    )


def set_role(conn: WriteConn, account_id: str, person_id: str, role: Role) -> bool:
    """False: nothing was changed, because the last owner would be gone."""
    table = update(memberships).where(*_place(account_id, person_id)).values(role=role)
    return (
        conn.execute(
            table if role == "owner" else table.where(_keeps_an_owner(account_id, person_id))
        ).rowcount
        == 1
    )


def leave(conn: WriteConn, account_id: str, person_id: str) -> bool:
    """False: nothing was changed, because the last owner would be gone."""
    gone = delete(memberships).where(*_place(account_id, person_id), _keeps_an_owner(account_id, person_id))
    return conn.execute(gone).rowcount == 1


def _place(account_id: str, person_id: str) -> tuple[_Condition, ...]:
    return memberships.c.account_id == account_id, memberships.c.person_id == person_id


def _keeps_an_owner(account_id: str, person_id: str) -> _Condition:
    """Either they own nothing here, or somebody else does, too.  Members of an account change one at a time: see `lock`."""
    others = memberships.alias()
    another = exists().where(
        others.c.account_id == account_id, others.c.person_id != person_id, others.c.role == "owner"
    )
    return or_(memberships.c.role != "owner", another)


def lock(conn: WriteConn, account_id: str) -> None:
    """Until the end of the transaction nobody else changes this account's members.  SQLite has one writer anyway."""
    conn.execute(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update())


def insert_link(conn: WriteConn, hashed: str, person_id: str, expires_us: int, now_us: int) -> None:
    """Those that do not open any more go, so that who asks often fills no disk."""
    conn.execute(delete(sign_in_links).where(sign_in_links.c.expires_us <= now_us))
    conn.execute(insert(sign_in_links).values(hash=hashed, person_id=person_id, expires_us=expires_us))


def find_link(conn: ReadConn, hashed: str, now_us: int) -> Person | None:
    """Whose it is, if it still opens."""
    query = (
        select(people)
        .join(sign_in_links, sign_in_links.c.person_id == people.c.id)
        .where(sign_in_links.c.hash == hashed, *_opens(now_us))
    )
    found = rows(Person, conn.execute(query))
    return found[0] if found else None


def use_link(conn: WriteConn, hashed: str, now_us: int) -> str | None:
    """Whose it was; None: it does not open, or somebody was faster."""
    statement = (
        update(sign_in_links).where(sign_in_links.c.hash == hashed, *_opens(now_us)).values(used_us=now_us)
    )
    if conn.execute(statement).rowcount != 1:
        return None
    return conn.execute(select(sign_in_links.c.person_id).where(sign_in_links.c.hash == hashed)).scalar()


def _opens(now_us: int) -> tuple[_Condition, ...]:
    return sign_in_links.c.used_us.is_(None), sign_in_links.c.expires_us > now_us


def count_failure(conn: WriteConn, email: str, now_us: int, window_us: int) -> None:
    """One more in its window; a window that is over begins anew."""
    conn.execute(
        upsert(conn.dialect.name, sign_in_failures), {"email": email, "begun_us": now_us, "failures": 0}
    )
    over = sign_in_failures.c.begun_us <= now_us - window_us
    conn.execute(
        update(sign_in_failures)
        .where(sign_in_failures.c.email == email)
        .values(
            begun_us=case((over, now_us), else_=sign_in_failures.c.begun_us),
            failures=case((over, 1), else_=sign_in_failures.c.failures + 1),
        )
    )


def failures_of(conn: ReadConn | WriteConn, email: str, since_us: int) -> int:
    query = select(sign_in_failures.c.failures).where(
        sign_in_failures.c.email == email, sign_in_failures.c.begun_us > since_us
    )
    return conn.execute(query).scalar() or 0


def forget_failures(conn: WriteConn, email: str) -> None:
    conn.execute(delete(sign_in_failures).where(sign_in_failures.c.email == email))


def drop_links(conn: WriteConn, person_id: str) -> None:
    conn.execute(delete(sign_in_links).where(sign_in_links.c.person_id == person_id))


def count_ask(conn: WriteConn, who: str, now_us: int, window_us: int) -> int:
    """How many with this one, in a window that began with the first; everybody's windows that are over go."""
    conn.execute(delete(sign_in_asks).where(sign_in_asks.c.begun_us <= now_us - window_us))
    conn.execute(
        upsert(conn.dialect.name, sign_in_asks, "asks", add=True), {"who": who, "begun_us": now_us, "asks": 1}
    )
    asks: int = conn.execute(select(sign_in_asks.c.asks).where(sign_in_asks.c.who == who)).scalar_one()
    return asks


def insert_session(conn: WriteConn, session: Session, hashed: str) -> None:
    conn.execute(insert(sessions).values(**msgspec.structs.asdict(session), hash=hashed))


def find_session(conn: ReadConn, hashed: str, now_us: int, idle_us: int) -> tuple[Session, Person] | None:
    """One that lives, of somebody who was not shut out."""
    living = (
        sessions.c.hash == hashed,
        sessions.c.revoked_us.is_(None),
        sessions.c.expires_us > now_us,
        sessions.c.seen_us > now_us - idle_us,
    )
    found = rows(Session, conn.execute(select(*_SESSION).where(*living)))
    person = find_person(conn, found[0].person_id) if found else None
    return (found[0], person) if person is not None and person.disabled_us is None else None


def list_sessions(conn: ReadConn, person_id: str, now_us: int, idle_us: int) -> list[Session]:
    """Those that live, the last used first."""
    query = (
        select(*_SESSION)
        .where(
            sessions.c.person_id == person_id,
            sessions.c.revoked_us.is_(None),
            sessions.c.expires_us > now_us,
            sessions.c.seen_us > now_us - idle_us,
        )
        .order_by(sessions.c.seen_us.desc())
    )
    return rows(Session, conn.execute(query))


def touch_session(conn: WriteConn, session_id: str, now_us: int) -> None:
    conn.execute(update(sessions).where(sessions.c.id == session_id).values(seen_us=now_us))


def revoke_sessions(
    conn: WriteConn, person_id: str, now_us: int, *, only: str | None = None, but: str | None = None
) -> int:
    """A person's: one, all but one, or all."""
    statement = update(sessions).where(sessions.c.person_id == person_id, sessions.c.revoked_us.is_(None))
    if only is not None:
        statement = statement.where(sessions.c.id == only)
    if but is not None:
        statement = statement.where(sessions.c.id != but)
    return conn.execute(statement.values(revoked_us=now_us)).rowcount


_SESSION = [sessions.c[name] for name in Session.__struct_fields__]


def insert_entry(conn: WriteConn, entry: Entry) -> None:
    conn.execute(insert(audit_log).values(msgspec.structs.asdict(entry)))


def list_entries(conn: ReadConn, lines: Lines, *, before: str | None = None, limit: int) -> list[Entry]:
    """The last first; `before`: the last id of the piece before.

    What people change is little beside what programs ask, so only an account's lines have an index of their own.
    """
    query = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    if lines.account_id is not None:
        query = query.where(audit_log.c.account_id == lines.account_id)
    for name in ("actor", "action", "target"):
        if begin := getattr(lines, name):
            query = query.where(audit_log.c[name].startswith(begin, autoescape=True))
    if lines.since_us is not None:
        query = query.where(audit_log.c.at_us >= lines.since_us)
    if lines.until_us is not None:
        query = query.where(audit_log.c.at_us < lines.until_us)
    if before is not None:
        query = query.where(audit_log.c.id < before)
    return rows(Entry, conn.execute(query))


def require_person(conn: ReadConn | WriteConn, email_or_id: str) -> Person:
    """Raises NotFound."""
    person = find_person(conn, email_or_id)
    if person is None:
        raise NotFound(f"nobody is known as {email_or_id!r}; `tollway-gateway people add` makes them known")
    return person
