"""How each database is opened: what every connection to it is told first."""

from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler


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
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -16384")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"
    engine.dialect.do_begin = lambda dbapi_connection: dbapi_connection.execute(begin)  # type: ignore[method-assign]
