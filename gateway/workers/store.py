"""All SQL about workers: what operators changed.  Those of `tollway.toml` are no rows, unless they are cordoned."""

import msgspec
from sqlalchemy import delete, select

from gateway.kit.db import ReadConn, WriteConn, upsert
from gateway.workers.tables import workers
from gateway.workers.types import Change


def list_changes(conn: ReadConn) -> list[Change]:
    found = conn.execute(select(workers).order_by(workers.c.name)).mappings()
    return [Change(**{**row, "models": msgspec.json.decode(row["models"])}) for row in found]


def save_change(conn: WriteConn, change: Change) -> None:
    """The whole row; again: changes nothing."""
    row = msgspec.structs.asdict(change) | {"models": msgspec.json.encode(change.models).decode()}
    conn.execute(upsert(conn.dialect.name, workers, "url", "models", "cordoned"), row)


def remove_change(conn: WriteConn, name: str) -> bool:
    """Whether it was there."""
    return conn.execute(delete(workers).where(workers.c.name == name)).rowcount == 1
