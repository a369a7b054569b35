"""Migrations: forwards, backwards, and exactly what the tables say, on both databases."""

import subprocess
import sys

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from gateway.kit import schema
from gateway.kit.db import Database, metadata


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_up_checked_down_and_up_again(database_url: str) -> None:
    """In a process of its own, as an operator's migration is: what other tests left in this one is not asked."""
    child = "import sys; from tests.kit.test_schema import up_and_down; up_and_down(sys.argv[1])"
    command_line = [sys.executable, "-c", child, database_url]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def up_and_down(database_url: str) -> None:
    assert schema.current(database_url) is None
    schema.upgrade(database_url)
    assert schema.current(database_url) == schema.head()
    command.check(schema.config(database_url))  # raises if tables.py and the migrations differ
    assert tables(database_url) >= set(metadata.tables)
    schema.downgrade(database_url, "base")
    assert tables(database_url) == {"alembic_version"}
    schema.upgrade(database_url)
    assert schema.current(database_url) == schema.head()


def test_file_names_say_the_revision(tmp_path: object) -> None:
    scripts = ScriptDirectory.from_config(schema.config("sqlite://"))
    assert scripts.get_heads() == [schema.head()]
    for script in scripts.walk_revisions():
        assert script.module.__file__.rpartition("/")[2].startswith(f"{script.revision}_")


def test_reading_cannot_write(database: Database) -> None:
    from sqlalchemy import insert

    from gateway.accounts.tables import accounts

    row = {"id": "acc_1", "name": "n", "created_us": 0}
    with pytest.raises(Exception, match=r"(?i)read.?only|StorageUnavailable|ledger"):
        database.read_now(lambda conn: conn.execute(insert(accounts), row))
    database.write_now(lambda conn: conn.execute(insert(accounts), row))


def test_sqlite_is_durable_and_checks_foreign_keys(tmp_path: object) -> None:
    database = Database(f"sqlite:///{tmp_path}/p.db")

    def pragmas(conn: object) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}  # type: ignore[attr-defined]

    try:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
        assert database.write_now(pragmas) == wanted | {"busy_timeout": 0}, (
            "engine.py itself waits, in short looks"
        )
        assert database.read_now(pragmas) == wanted
    finally:
        database.close()
