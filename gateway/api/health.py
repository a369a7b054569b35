"""For whoever runs the process: is it alive, and can it serve?  No key needed, nothing told."""

from litestar import get
from sqlalchemy import text

from gateway.api.schemas.audit import Health
from gateway.api.wiring import TheGateway
from gateway.errors import NoWorker


@get("/healthz")
async def healthz() -> Health:
    """Say that the process answers."""
    return Health("ok")


@get("/readyz", refusals=(503,))
async def readyz(gateway: TheGateway) -> Health:
    """Say that the ledger can be read and at least one model has a worker; else 503."""
    await gateway.database.read(lambda conn: conn.execute(text("SELECT 1")).scalar())
    if not gateway.workers.served_models():
        raise NoWorker("no worker serves any model yet", retry_after_s=1)
    return Health("ready")
