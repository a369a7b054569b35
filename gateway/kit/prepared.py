"""Core statements that are compiled once and run on the driver's own cursor: for the dozen that every bill pays for.

SQLAlchemy makes a context of some hundred calls for each execution, 45 us; the driver takes 3.  What is left of it here:
the statement is written in Core, compiled by its dialect, and a driver's error becomes SQLAlchemy's.  Values go to the
driver and come back as they are: integers, strings and None, which need no translation (booleans and bytes would).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    ARRAY,
    ClauseElement,
    ColumnElement,
    Connection,
    Dialect,
    String,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy import column as column_clause
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")
Row = Mapping[str, Any]
_encoder = msgspec.json.Encoder()


def among(dialect: str, column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Whether a column's text is one of a parameter's, a list: one text of SQL, however long the list is."""
    if dialect == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(String)))
    return column.in_(select(column_clause("value")).select_from(func.json_each(bindparam(name))))


@contextmanager
def together(conn: Connection) -> Iterator[None]:
    """Statements whose answers nobody reads leave without waiting for one another, where there is a network between."""
    if conn.dialect.name != "postgresql":
        yield
        return
    driver: Any = conn.connection.dbapi_connection
    try:
        with driver.pipeline():
            yield
    except conn.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy_says(conn, "(several)", error, None) from error


class Prepared:
    """A statement and the names of its parameters."""

    def __init__(
        self, build: Callable[[str], ClauseElement], columns: Iterable[str] = (), lists: Iterable[str] = ()
    ) -> None:
        """`build` is given the dialect's name, where statements differ; `columns` are those that an INSERT or an UPDATE sets.

        `lists`: parameters that `among` compares with.
        """
        self._build = build
        self._columns = list(columns)
        self._lists = list(lists)
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, conn: Connection, kind: Callable[..., T], parameters: Row) -> list[T]:
        """Each row as a struct with the same field names."""

        def fetch(cursor: Any) -> list[T]:
            found = cursor.fetchall()
            names = [column[0] for column in cursor.description] if found else []
            return [kind(**dict(zip(names, row, strict=True))) for row in found]

        return self._run(conn, [parameters], fetch)

    def count(self, conn: Connection, parameters: Row) -> int:
        """How many rows it changed."""
        return self._run(conn, [parameters], lambda cursor: int(cursor.rowcount))

    def each(self, conn: Connection, parameters: Iterable[Row]) -> None:
        """Runs for every one of them."""
        many = list(parameters)
        if many:
            self._run(conn, many, _nothing)

    def _run(self, conn: Connection, parameters: list[Row], then: Callable[[Any], T]) -> T:
        compiled = self._compiled.get(conn.dialect.name) or self._compile(conn.dialect)
        given = [compiled.given(each) for each in parameters]
        driver = conn.connection.dbapi_connection
        assert driver is not None, "a transaction has a connection"
        cursor: Any = driver.cursor()
        try:
            if listening := conn.engine.dispatch.before_cursor_execute:
                for tell in listening:
                    tell(conn, cursor, compiled.text, given[0], None, len(given) > 1)
            if len(given) == 1:
                cursor.execute(compiled.text, given[0])
            else:
                cursor.executemany(compiled.text, given)
            return then(cursor)
        except conn.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy_says(conn, compiled.text, error, cursor) from error
        finally:
            cursor.close()

    def _compile(self, dialect: Dialect) -> "_Compiled":
        lists = self._lists if dialect.name == "sqlite" else []
        compiled = _Compiled(self._build(dialect.name), dialect, self._columns, lists)
        self._compiled[dialect.name] = compiled
        return compiled


def _nothing(_cursor: Any) -> None:
    """Of a statement whose answer nobody reads."""


class _Compiled:
    """The text, and how parameters are given to the driver."""

    def __init__(
        self, statement: ClauseElement, dialect: Dialect, columns: list[str], lists: list[str]
    ) -> None:
        made: Any = statement.compile(dialect=dialect, column_keys=columns or None)
        self.text = str(made)
        self._constants = {name: value for name, value in made.params.items() if value is not None}
        self._in_order = _picker(list(made.positiontup)) if made.positional else None
        self._lists = lists

    def given(self, row: Row) -> Any:
        whole = {**self._constants, **row} if self._constants else row
        for name in self._lists:
            whole = {**whole, name: _encoder.encode(whole[name]).decode()}
        return whole if self._in_order is None else self._in_order(whole)


def _picker(names: list[str]) -> Callable[[Row], tuple[Any, ...]]:
    """The values of these names."""
    if len(names) == 1:  # of which `itemgetter` gives the value itself
        return lambda row: (row[names[0]],)
    return itemgetter(*names)


def _as_sqlalchemy_says(conn: Connection, text: str, error: Any, cursor: Any) -> Any:
    lost = conn.dialect.is_disconnect(error, conn.connection.dbapi_connection, cursor)
    if lost:
        conn.invalidate(error)
    base = conn.dialect.loaded_dbapi.Error
    return DBAPIError.instance(
        text, None, error, base, hide_parameters=True, connection_invalidated=lost, dialect=conn.dialect
    )
