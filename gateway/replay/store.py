"""All SQL about idempotency keys."""

import msgspec
from sqlalchemy import Row, delete, select, update

from gateway.errors import BadRequest, Conflict
from gateway.kit.db import WriteConn, insert_once
from gateway.replay.tables import idempotency_keys
from gateway.replay.types import Claim, Stored

_COLUMNS = idempotency_keys.c


def claim(conn: WriteConn, wanted: Claim, now_us: int) -> Stored | None:
    """Claims the key; or returns what was answered to it before.

    Raises:
        Conflict: the first request with this key still runs.
        BadRequest: the key was used with another body.
    """
    values = msgspec.structs.asdict(wanted) | {"streamed": False, "body": None}
    if insert_once(conn, idempotency_keys, values):
        return None
    mine = (_COLUMNS.account_id == wanted.account_id) & (_COLUMNS.key == wanted.key)
    row = conn.execute(select(idempotency_keys).where(mine).with_for_update()).one()
    if row.request_id == wanted.request_id:
        return None  # a group that was run again after its commit arrived
    if row.expires_us <= now_us:
        conn.execute(update(idempotency_keys).where(mine).values(values))
        return None
    return _answered(row, wanted)


def finish(conn: WriteConn, claimed: Claim, body: bytes, *, streamed: bool, expires_us: int) -> None:
    """Keeps the answer; in the transaction that bills it."""
    values = {"body": body, "streamed": streamed, "expires_us": expires_us}
    conn.execute(update(idempotency_keys).where(_of(claimed)).values(values))


def release(conn: WriteConn, claimed: Claim) -> None:
    """The request failed or was left: the next one with this key runs."""
    conn.execute(delete(idempotency_keys).where(_of(claimed), _COLUMNS.body.is_(None)))


def forget(conn: WriteConn, now_us: int) -> int:
    """Deletes what has expired; returns how many."""
    return conn.execute(delete(idempotency_keys).where(_COLUMNS.expires_us <= now_us)).rowcount


def _of(claimed: Claim):  # type: ignore[no-untyped-def]  # noqa: ANN202 - SQLAlchemy's expression type says nothing
    mine = (_COLUMNS.account_id == claimed.account_id) & (_COLUMNS.key == claimed.key)
    return mine & (_COLUMNS.request_id == claimed.request_id)


def _answered(row: Row[tuple[object, ...]], wanted: Claim) -> Stored:
    if row.body_sha256 != wanted.body_sha256:
        raise BadRequest(
            "this Idempotency-Key was used with another body; give each new request a new key",
            param="Idempotency-Key",
            code="idempotency_key_reused",
        )
    if row.body is None:
        raise Conflict(
            "the first request with this Idempotency-Key is still running; try again for its answer",
            code="idempotency_in_progress",
            retry_after_s=1,
        )
    return Stored(row.request_id, row.streamed, bytes(row.body))
