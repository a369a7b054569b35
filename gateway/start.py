"""Before the first request: the data directory, the schema, the price book, and who may come in.

Everything here can be done again and changes nothing then.  Secrets made here are returned once, to be shown.
"""

import os
import secrets
from pathlib import Path

import msgspec

from gateway.accounts.store import list_accounts
from gateway.acts.accounts import open_account
from gateway.acts.keys import create_key
from gateway.acts.prices import publish_at_start
from gateway.catalog import read_toml
from gateway.catalog.types import PriceBook
from gateway.keys.store import list_keys
from gateway.kit import schema
from gateway.kit.db import Database, ReadConn, WriteConn
from gateway.settings import Settings

DEMO_ACCOUNT = "demo"
BY = "start"
"""Who does this, in the audit log."""


class FirstStart(msgspec.Struct, frozen=True):
    """Secrets made at the first start; None where there were some already."""

    operator_key: str | None
    demo_key: str | None


def prepare(settings: Settings) -> None:
    """A directory, a schema and a price book.

    Raises:
        SchemaError: a PostgreSQL schema is behind: migrating a shared database is an operator's decision.
        PriceBookError: the price book cannot be read.
        Conflict: a published price book was changed in place.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    url = settings.database
    revision, newest = schema.current(url), schema.head()
    if revision is not None and revision > newest:
        raise schema.SchemaError(
            f"the database is at revision {revision}, newer than this program's {newest}; upgrade it"
        )
    if revision != newest:
        if revision is not None and not url.startswith("sqlite"):
            raise schema.SchemaError(
                f"the database is at revision {revision} and this program needs {newest};"
                " stop the old processes and run `tollway-gateway migrate`"
            )
        schema.upgrade(url)
    database = Database(url)
    try:
        book = price_book(settings)
        database.write_now(lambda conn: publish_at_start(conn, BY, book))
    finally:
        database.close()


def price_book(settings: Settings) -> PriceBook:
    return read_toml.read(settings.price_book) if settings.price_book else read_toml.shipped()


def bootstrap(settings: Settings) -> FirstStart:
    """An operator's key if there is none, and a demo account if there is no account."""
    secret = key_secret(settings)
    book = price_book(settings)
    database = Database(settings.database)

    def make(conn: WriteConn) -> FirstStart:
        reading = ReadConn(conn)
        operator = demo = None
        if not any(key.kind == "operator" for key in list_keys(reading)):
            _, operator = create_key(
                conn, BY, kind="operator", account_id=None, name="first operator", key_secret=secret
            )
        if not list_accounts(reading):
            account = open_account(
                conn,
                BY,
                DEMO_ACCOUNT,
                grant_nanousd=book.sign_up_nanousd,
                kind="sign_up",
                reason="first start",
                monthly_free_nanousd=book.monthly_free_nanousd,
            )
            _, demo = create_key(
                conn, BY, kind="account", account_id=account.id, name="demo", key_secret=secret
            )
        return FirstStart(operator, demo)

    try:
        return database.write_now(make)
    finally:
        database.close()


def key_secret(settings: Settings) -> bytes:
    """The installation's secret under which keys are hashed: from the settings, or made once in the data directory."""
    if settings.key_secret:
        return settings.key_secret.encode()
    path = settings.data_dir / "key_secret"
    if not path.exists():
        _write_new(path, secrets.token_hex(32))
    return path.read_text("ascii").strip().encode()


def _write_new(path: Path, text: str) -> None:
    """Readable by its owner only; whoever comes second keeps the first one's, whole."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
