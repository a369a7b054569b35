"""All SQL about workers: what changed while gateways run.  Those of `tollway.toml` are no rows, unless they are changed."""

import msgspec
from sqlalchemy import delete, or_, select

from gateway.kit.db import ReadConn, WriteConn, upsert
from gateway.workers.tables import workers
from gateway.workers.types import Change

_CHANGING = ("url", "models", "cordoned", "weight", "concurrency_max", "expires_us")


def list_changes(conn: ReadConn, now_us: int) -> list[Change]:
    """All that hold now: one whose heartbeat stopped is not among them."""
    alive = or_(workers.c.expires_us.is_(None), workers.c.expires_us > now_us)
    found = conn.execute(select(workers).where(alive).order_by(workers.c.name)).mappings()
    return [Change(**{**row, "models": msgspec.json.decode(row["models"])}) for row in found]


def find_change(conn: WriteConn, name: str, now_us: int) -> Change | None:
    """What holds now of one worker."""
    return next((change for change in list_changes(ReadConn(conn), now_us) if change.name == name), None)


def save_change(conn: WriteConn, change: Change) -> None:
    """The whole row; again: changes nothing."""
    row = msgspec.structs.asdict(change) | {"models": msgspec.json.encode(change.models).decode()}
    conn.execute(upsert(conn.dialect.name, workers, *_CHANGING), row)


def remove_change(conn: WriteConn, name: str) -> bool:
    """Whether it was there."""
    return conn.execute(delete(workers).where(workers.c.name == name)).rowcount == 1
