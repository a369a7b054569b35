"""Pick up what operators changed about workers, so that adding, cordoning or removing one needs no restart anywhere."""

import asyncio

from gateway.errors import StorageUnavailable
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.kit.log import logger
from gateway.workers.registry import Registry
from gateway.workers.store import list_changes

EVERY_S = 2.0


async def refresh_workers(database: Database, workers: Registry) -> None:
    """Runs for the life of the process."""
    while True:
        try:
            if workers.apply(await database.read(lambda conn: list_changes(conn, now_us()))):
                await workers.discover()
        except StorageUnavailable as error:
            logger().warning("workers_not_read", reason=error.message)
        await asyncio.sleep(EVERY_S)
