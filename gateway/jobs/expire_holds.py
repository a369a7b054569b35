"""Give back the credit that dead processes held, and forget answers that nobody will ask for again."""

import asyncio

from gateway.credit.settle import expire
from gateway.errors import StorageUnavailable
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.kit.log import logger
from gateway.replay.store import forget

EVERY_S = 15.0


async def expire_holds(database: Database) -> None:
    """Runs for the life of the process."""
    while True:
        try:
            count = await database.write(lambda conn: expire(conn, now_us()))
            await database.write(lambda conn: forget(conn, now_us()))
        except StorageUnavailable as error:
            logger().warning("expire_holds_failed", reason=error.message)
        else:
            if count:
                logger().warning("holds_expired", count=count)
        await asyncio.sleep(EVERY_S)
