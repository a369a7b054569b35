"""One request's Idempotency-Key: claimed before any credit moves, its answer kept in the transaction that bills it."""

import hashlib

import anyio

from gateway.catalog.types import Operation
from gateway.errors import BadRequest
from gateway.inference.events import Dialect
from gateway.kit.clock import SECOND_US, now_us
from gateway.kit.db import Database, WriteConn
from gateway.replay import store
from gateway.replay.types import Claim, Stored

KEY_CHARS_MAX = 255
KEPT_BYTES_MAX = 8 * 2**20
"""A longer answer is billed and delivered, but not kept: repeating its key runs it anew."""
RELEASE_TIMEOUT_S = 10.0


class Repeat:
    def __init__(self, database: Database, claim: Claim, *, ttl_s: float) -> None:
        self._database = database
        self._claim = claim
        self._ttl_us = int(ttl_s * SECOND_US)
        self._sent: list[bytes] = []
        self._size = 0
        self._kept = False

    async def claim(self) -> Stored | None:
        """What was answered before, if anything was; shielded, so that a claim is never left behind unknown.

        Raises:
            Conflict, BadRequest: the first request still runs, or had another body.
        """
        with anyio.CancelScope(shield=True):
            stored = await self._database.write(lambda conn: store.claim(conn, self._claim, now_us()))
        return stored

    def hear(self, piece: bytes) -> None:
        """A piece of a stream as it was sent."""
        self._size += len(piece)
        if self._size <= KEPT_BYTES_MAX:
            self._sent.append(piece)

    def keep(self, conn: WriteConn, last: bytes, *, streamed: bool) -> None:
        """The whole answer, with its end."""
        self._size += len(last)
        if self._size <= KEPT_BYTES_MAX:
            body = b"".join([*self._sent, last])
            store.finish(conn, self._claim, body, streamed=streamed, expires_us=now_us() + self._ttl_us)
            self._kept = True

    async def release(self) -> None:
        """Unless the answer was kept, the next request with this key runs."""
        if not self._kept:
            with anyio.move_on_after(RELEASE_TIMEOUT_S, shield=True):
                await self._database.write(lambda conn: store.release(conn, self._claim))


def claim_of(
    key: str, body: bytes, spelling: Dialect | Operation, *, account_id: str, request_id: str, expires_us: int
) -> Claim:
    """Scoped to the account, to the body, and to how its answer is spelled: a chat's dialect, or its operation.

    Raises:
        BadRequest: a key that cannot be kept.
    """
    if len(key) > KEY_CHARS_MAX or not key.isascii() or not key.isprintable():
        raise BadRequest(
            f"an Idempotency-Key has at most {KEY_CHARS_MAX} printable ASCII characters",
            param="Idempotency-Key",
        )
    digest = hashlib.sha256(spelling.encode() + b"\n" + body).hexdigest()
    return Claim(
        account_id=account_id, key=key, body_sha256=digest, request_id=request_id, expires_us=expires_us
    )
