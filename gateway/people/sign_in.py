"""Ways in: a one-time link, or a password.  Each ends with a session."""

import re

from gateway.errors import BadRequest, NotAuthenticated, TollwayError
from gateway.kit.clock import SECOND_US
from gateway.kit.db import ReadConn, WriteConn
from gateway.kit.ids import new_id
from gateway.people import store
from gateway.people.log import record
from gateway.people.secrets import hash_of, new_secret
from gateway.people.types import Person, Session

LINK_TTL_US = 15 * 60 * SECOND_US
INVITATION_TTL_US = 7 * 24 * 3600 * SECOND_US
SESSION_TTL_US = 30 * 24 * 3600 * SECOND_US
IDLE_US = 7 * 24 * 3600 * SECOND_US
FAILURES_MAX = 10
WINDOW_US = 15 * 60 * SECOND_US
"""So many wrong passwords within so long, and none is tried any more, right or wrong, until it is over."""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
EMAIL_CHARS_MAX = 254


class TooManyAttempts(TollwayError):
    """Somebody is guessing."""

    status, code, kind = 429, "too_many_attempts", "rate_limit_error"


def add_person(conn: WriteConn, email: str, *, name: str, is_operator: bool, now_us: int) -> Person:
    """Raises BadRequest: no address; Conflict: it is known."""
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email) or len(email) > EMAIL_CHARS_MAX:
        raise BadRequest(f"{email!r} is no e-mail address", param="email")
    person = Person(id=new_id("per"), email=email, name=name.strip()[:200], password_hash=None,
                    is_operator=is_operator, created_us=now_us)  # fmt: skip
    store.insert_person(conn, person)
    return person


def new_link(conn: WriteConn, person_id: str, now_us: int, ttl_us: int = LINK_TTL_US) -> str:
    """A secret that opens a session once."""
    secret = new_secret()
    store.insert_link(conn, hash_of(secret), person_id, now_us + ttl_us, now_us)
    return secret


def by_link(conn: WriteConn, secret: str, *, ip: str, user_agent: str, now_us: int) -> str:
    """A session's secret.  Raises NotAuthenticated: used, too old, or never made."""
    person_id = store.use_link(conn, hash_of(secret), now_us)
    person = store.find_person(conn, person_id) if person_id else None
    if person is None or person.disabled_us is not None:
        raise NotAuthenticated("this link was used, or is too old; ask for a new one")
    return begin(conn, person, ip=ip, user_agent=user_agent, now_us=now_us, how="link")


def whose(conn: ReadConn, email: str, now_us: int) -> Person | None:
    """Whose password is to be compared.  Raises TooManyAttempts: wrong too often."""
    email = _clean(email)
    if store.failures_of(conn, email, now_us - WINDOW_US) >= FAILURES_MAX:
        raise TooManyAttempts("there were too many wrong passwords for this address; try again in 15 minutes")
    return store.find_person(conn, email)


def by_password(
    conn: WriteConn, email: str, person: Person | None, *, right: bool, ip: str, user_agent: str, now_us: int
) -> str | None:
    """A session's secret; None: no such person, or another password.  The two look alike on purpose."""
    if not right or person is None or person.disabled_us is not None:
        store.count_failure(conn, _clean(email), now_us, WINDOW_US)
        return None
    store.forget_failures(conn, person.email)
    return begin(conn, person, ip=ip, user_agent=user_agent, now_us=now_us, how="password")


def _clean(email: str) -> str:
    return email.strip().lower()[:EMAIL_CHARS_MAX]


def begin(conn: WriteConn, person: Person, *, ip: str, user_agent: str, now_us: int, how: str) -> str:
    """A new session; its secret is for the cookie."""
    secret = new_secret()
    session = Session(id=new_id("ses"), person_id=person.id, created_us=now_us, seen_us=now_us,
                      expires_us=now_us + SESSION_TTL_US, ip=ip[:64], user_agent=user_agent[:300])  # fmt: skip
    store.insert_session(conn, session, hash_of(secret))
    record(conn, person.email, "session.begin", now_us, target=session.id, after={"by": how, "ip": ip})
    return secret
