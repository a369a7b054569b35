"""`/admin/v1/audit` and `/admin/v1/drift`: whether the ledger is right, and by how much counts differ."""

import threading

from litestar import get

from gateway.api.schemas.audit import AuditReport, audit_report
from gateway.api.schemas.shapes import ListOf
from gateway.api.wiring import TheGateway
from gateway.errors import Conflict
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn
from gateway.metering import store as metering
from gateway.metering.audit import Report
from gateway.metering.types import DriftRow
from gateway.rollups.audit import audit_all

_running = threading.Lock()
"""An audit reads the whole ledger on one of the few threads that also look up keys: never more than one at a time,
also when whoever asked for it has left."""


@get("/admin/v1/audit", refusals=(409,))
async def get_audit(gateway: TheGateway) -> AuditReport:
    """Derive every balance and receipt again from the immutable rows, and name what differs.

    It reads the whole ledger, so ask seldom; 409 while another one runs in this process.
    """
    return audit_report(await gateway.database.read(audit_once))


def audit_once(conn: ReadConn) -> Report:
    """Raises Conflict: another one runs in this process."""
    if not _running.acquire(blocking=False):
        raise Conflict("an audit is running already; wait for its answer")
    try:
        return audit_all(conn, now_us())
    finally:
        _running.release()


@get("/admin/v1/drift")
async def list_drift(gateway: TheGateway) -> ListOf[DriftRow]:
    """Tell by how much each worker's counts and ours ever differed, over the audit sample."""
    return ListOf(await gateway.database.read(metering.sum_drift))
