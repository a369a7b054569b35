"""`/admin/v1/audit` and `/admin/v1/drift`: whether the ledger is right, and by how much counts differ."""

import threading
from typing import Any

import msgspec
from litestar import get

from gateway.api.schemas.shapes import ListOf, money
from gateway.api.wiring import TheGateway
from gateway.errors import Conflict
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn
from gateway.metering import store as metering
from gateway.metering.audit import Report, audit

_running = threading.Lock()
"""An audit reads the whole ledger on one of the few threads that also look up keys: never more than one at a time,
also when whoever asked for it has left."""


@get("/admin/v1/audit")
async def get_audit(gateway: TheGateway) -> dict[str, Any]:
    """Derives every balance and receipt again from the immutable rows, as `tollway-gateway audit` does.

    It reads everything, so ask seldom; 409 while another one runs in this process.
    """
    report = await gateway.database.read(_audit)
    return {
        "object": "audit",
        "ok": not report.differences,
        "accounts": report.accounts,
        "events": report.events,
        **money("settled", report.settled_nanousd),
        "differences": [msgspec.structs.asdict(difference) for difference in report.differences],
    }


def _audit(conn: ReadConn) -> Report:
    if not _running.acquire(blocking=False):
        raise Conflict("an audit is running already; wait for its answer")
    try:
        return audit(conn, now_us())
    finally:
        _running.release()


@get("/admin/v1/drift")
async def list_drift(gateway: TheGateway) -> ListOf:
    """By how much each worker's counts and ours ever differed, by model and worker, over the audit sample."""
    found = await gateway.database.read(metering.sum_drift)
    return ListOf([msgspec.structs.asdict(row) for row in found])
