"""Who is whom, on both databases: one identity is one person's, and a person has one at an issuer."""

import pytest

from gateway.kit.clock import now_us
from gateway.kit.db import Database, WriteConn
from gateway.oidc import store
from gateway.oidc.sign_in import by_identity
from gateway.oidc.types import Identity, SignInRefused
from gateway.people import store as people
from gateway.people.sign_in import add_person
from gateway.people.types import Lines

ISSUER = "https://id.example"


def identity(sub: str, email: str = "ada@example.com", issuer: str = ISSUER) -> Identity:
    return Identity(issuer=issuer, sub=sub, email=email, name="Ada")


def sign_in(database: Database, who: Identity, *domains: str) -> str:
    now = now_us()
    return database.write_now(
        lambda conn: by_identity(conn, who, domains, ip="192.0.2.1", user_agent="", now_us=now)
    )


def test_an_identity_is_one_persons(database: Database) -> None:
    def make(conn: WriteConn) -> list[str]:
        now = now_us()
        return [
            add_person(conn, f"{name}@example.com", name="", is_operator=False, now_us=now).id
            for name in ("ada", "eve")
        ]

    ada, eve = database.write_now(make)
    first, second = identity("1"), identity("2")
    assert database.write_now(lambda conn: store.link(conn, first, ada, 1))
    assert database.write_now(lambda conn: store.link(conn, first, ada, 2)), "twice is once"
    assert not database.write_now(lambda conn: store.link(conn, first, eve, 3))
    assert not database.write_now(lambda conn: store.link(conn, second, ada, 4))
    assert database.read_now(lambda conn: store.person_of(conn, first)) == ada
    assert database.read_now(lambda conn: store.person_of(conn, second)) is None
    elsewhere = identity("2", issuer="https://other.example")
    assert database.write_now(lambda conn: store.link(conn, elsewhere, ada, 5)), "another issuer's"
    assert database.write_now(lambda conn: store.unlink(conn, ada)) == 2
    assert database.write_now(lambda conn: store.link(conn, second, ada, 6))


def test_who_is_refused_leaves_nothing_behind(database: Database) -> None:
    assert sign_in(database, identity("1"), "example.com")
    for refused in (identity("2"), identity("3", "eve@evil.example"), identity("4", "a@b@example.com")):
        with pytest.raises((SignInRefused, Exception), match=r"unlink|invite|no e-mail"):
            sign_in(database, refused, "example.com")
    known = database.read_now(people.list_people)
    assert [each.email for each in known] == ["ada@example.com"]
    log = database.read_now(lambda conn: people.list_entries(conn, Lines(), limit=10))
    assert [each.action for each in log] == ["session.begin", "identity.link", "person.add"]
