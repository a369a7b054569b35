"""How each database is opened: what every connection to it is told first."""

import sqlite3
import time
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

BUSY_S = 5
"""How long one process waits for another's transaction in the same file."""
LOOK_AGAIN_S = 0.0002
_PRIMARY = 0xFF
"""Of an extended result code: what went wrong, without why."""


def open_engine(url: str, *, pool_size: int, read_only: bool) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            url, pool_size=pool_size, max_overflow=0, connect_args={"check_same_thread": False}
        )
        engine.dialect.statement_compiler = _Hinting
        _prepare_sqlite(engine, read_only=read_only)
        return engine
    # A reader sees one instant throughout, as SQLite's do: an audit adds up rows of the same moment.
    options = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"} if read_only else {}
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=read_only,
        execution_options=options,
        connect_args={"connect_timeout": 5, "application_name": "tollway"},
    )


class _Hinting(SQLiteCompiler):
    """Passes `with_hint` on.  SQLite keeps no figures unless it is told to, and of two indexes takes the narrower one, not
    the one that leads to fewer rows; `INDEXED BY` says which.
    """

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        del table
        return text


def _prepare_sqlite(engine: Engine, *, read_only: bool) -> None:
    """WAL so that readers never wait for the writer; FULL so that a commit survives a power cut."""

    @event.listens_for(engine, "connect")
    def set_pragmas(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # we send BEGIN ourselves, below
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -16384")
        cursor.execute("PRAGMA query_only = ON" if read_only else "PRAGMA busy_timeout = 0")
        cursor.close()

    engine.dialect.do_begin = _begin if read_only else _begin_writing  # type: ignore[method-assign]


def _begin(dbapi_connection: Any) -> None:
    dbapi_connection.execute("BEGIN")


def _begin_writing(dbapi_connection: Any) -> None:
    """SQLite itself waits for another process's turn in pauses that grow to a tenth of a second: two gateways then wrote
    no more than one, and requests waited for a second.
    """
    ends = time.monotonic() + BUSY_S
    while True:
        try:
            dbapi_connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(LOOK_AGAIN_S)
        else:
            return
