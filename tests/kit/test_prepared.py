"""Statements on the driver's own cursor do what SQLAlchemy's do, and fail as they do."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    MetaData,
    String,
    Table,
    bindparam,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from gateway.kit.db import Database, WriteConn, upsert
from gateway.kit.prepared import Prepared, among, together

notes = Table(
    "notes",
    MetaData(),
    Column("id", String(20), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("size", BigInteger, nullable=True),
)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    size: int | None = None


ADD = Prepared(lambda _: insert(notes), notes.c.keys())
PUT = Prepared(lambda dialect: upsert(dialect, notes, "size", add=True), notes.c.keys())
GROW = Prepared(
    lambda _: (
        update(notes).where(notes.c.id == bindparam("which")).values(size=notes.c.size + bindparam("by") + 1)
    )
)
FIND = Prepared(
    lambda dialect: select(notes).where(among(dialect, notes.c.id, "ids"), notes.c.kind == "a").order_by(notes.c.id),
    lists=["ids"],
)  # fmt: skip
ODD = 'it\'s "odd" %s ? :x é'


@pytest.fixture
def filled(database: Database) -> Database:
    def fill(conn: WriteConn) -> None:
        notes.metadata.create_all(conn)
        ADD.each(conn, [{"id": f"n{i}", "kind": "ab"[i % 2], "size": i} for i in range(6)])
        ADD.each(conn, [{"id": ODD, "kind": "a", "size": None}])
        ADD.each(conn, [])

    database.write_now(fill)
    return database


def test_what_was_added_is_found(filled: Database) -> None:
    found = filled.read_now(lambda conn: FIND.rows(conn, Note, {"ids": ["n0", "n1", "n4", ODD, "gone"]}))
    assert found == sorted(
        [Note(id="n0", kind="a", size=0), Note(id="n4", kind="a", size=4), Note(id=ODD, kind="a")],
        key=lambda note: note.id,
    )
    assert filled.read_now(lambda conn: FIND.rows(conn, Note, {"ids": []})) == []


def test_changes_are_counted_and_constants_are_part_of_the_statement(filled: Database) -> None:
    assert filled.write_now(lambda conn: GROW.count(conn, {"which": "n2", "by": 2**40})) == 1
    assert filled.write_now(lambda conn: GROW.count(conn, {"which": "gone", "by": 1})) == 0
    filled.write_now(lambda conn: PUT.each(conn, [{"id": "n2", "kind": "z", "size": 5}, {"id": "new", "kind": "a", "size": 7}]))  # fmt: skip
    found = filled.read_now(lambda conn: FIND.rows(conn, Note, {"ids": ["n2", "new"]}))
    assert [note.size for note in found] == [2 + 2**40 + 1 + 5, 7]


def test_errors_are_sqlalchemys(filled: Database) -> None:
    with pytest.raises(IntegrityError) as twice:
        filled.write_now(lambda conn: ADD.each(conn, [{"id": "n1", "kind": "SECRET", "size": 1}]))
    assert "SECRET" not in str(twice.value).split("[SQL")[1], "parameters stay out of errors"


def test_whoever_listens_to_the_connection_hears_it(filled: Database) -> None:
    heard: list[str] = []

    def hear(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(filled._reader, "before_cursor_execute", hear)
    filled.read_now(lambda conn: FIND.rows(conn, Note, {"ids": ["n0"]}))
    event.remove(filled._reader, "before_cursor_execute", hear)
    assert [statement for statement in heard if "notes" in statement] == [heard[-1]]


def test_what_leaves_together_fails_as_one(filled: Database) -> None:
    def twice(conn: WriteConn) -> None:
        with together(conn):
            ADD.each(conn, [{"id": "n9", "kind": "a", "size": 1}])
            ADD.each(conn, [{"id": "n0", "kind": "a", "size": 1}])

    with pytest.raises(IntegrityError):
        filled.write_now(twice)
    assert filled.read_now(lambda conn: FIND.rows(conn, Note, {"ids": ["n9"]})) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lost_connection_is_known_to_be_lost(filled: Database) -> None:
    lost: list[bool] = []

    def once(conn: WriteConn) -> list[Note]:
        if not lost:
            lost.append(True)
            driver: Any = conn.connection.dbapi_connection
            driver.close()
        return FIND.rows(conn, Note, {"ids": ["n0"]})

    assert filled.write_now(once) == [Note(id="n0", kind="a", size=0)], (
        "it was tried again on another connection"
    )
    assert lost == [True]
