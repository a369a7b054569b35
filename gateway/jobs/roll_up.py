"""Bring the sums that pages read up to date, twice a second, a little at a time."""

import asyncio

from gateway.errors import StorageUnavailable
from gateway.kit.db import Database
from gateway.kit.log import logger
from gateway.rollups.roll import EVENTS_MAX, roll
from gateway.rollups.store import list_behind

EVERY_S = 0.5
ACCOUNTS_MAX = 50
"""In one step."""


async def roll_up(database: Database) -> None:
    """Runs for the life of the process."""
    while True:
        pause_s = await roll_step(database)
        await asyncio.sleep(pause_s)


async def roll_step(database: Database) -> float:
    """Seconds until the next: none while there is much to do, but one bill may go first."""
    try:
        behind = await database.read(lambda conn: list_behind(conn, ACCOUNTS_MAX))
        for account in behind:
            await database.write(lambda conn, account=account: roll(conn, [account]))  # type: ignore[misc]
    except StorageUnavailable as error:
        logger().warning("sums_not_rolled_up", reason=error.message)
        return EVERY_S
    more = any(account.head - account.done > EVENTS_MAX for account in behind)
    return 0.0 if more else EVERY_S
