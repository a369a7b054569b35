"""Give back the credit of processes that died, and forget answers and shares that nobody will ask for again."""

import asyncio

from gateway.errors import StorageUnavailable
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.kit.log import logger
from gateway.limits import store as limits
from gateway.metering.commit import release_dead
from gateway.replay.store import forget

EVERY_S = 15.0


async def sweep(database: Database) -> None:
    """Runs for the life of the process."""
    while True:
        try:
            count = await database.write(lambda conn: release_dead(conn, now_us()))
            await database.write(lambda conn: forget(conn, now_us()))
            await database.write(lambda conn: limits.forget(conn, now_us()))
        except StorageUnavailable as error:
            logger().warning("sweep_failed", reason=error.message)
        else:
            if count:
                logger().warning("leases_expired", processes=count)
        await asyncio.sleep(EVERY_S)
