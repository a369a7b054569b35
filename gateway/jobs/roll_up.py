"""Bring the sums that pages read up to date, twice a second, a little at a time."""

import asyncio

from gateway.errors import StorageUnavailable
from gateway.kit.db import Database, ReadConn
from gateway.kit.log import logger
from gateway.rollups.roll import prepare, roll
from gateway.rollups.store import list_behind
from gateway.rollups.types import Portion

EVERY_S = 0.5
ACCOUNTS_MAX = 100
"""In one step."""


async def roll_up(database: Database) -> None:
    """Runs for the life of the process."""
    while True:
        pause_s = await roll_step(database)
        await asyncio.sleep(pause_s)


async def roll_step(database: Database) -> float:
    """Seconds until the next: none while there is much to do, but one bill may go first."""

    def look(conn: ReadConn) -> tuple[bool, list[Portion]]:
        behind = list_behind(conn, ACCOUNTS_MAX)
        portions = prepare(conn, behind)
        done = [portion.until for portion in portions] == [account.head for account in behind]
        return done and len(behind) < ACCOUNTS_MAX, portions

    try:
        everything, portions = await database.read(look)
        if portions:
            await database.write(lambda conn: roll(conn, portions))
    except StorageUnavailable as error:
        logger().warning("sums_not_rolled_up", reason=error.message)
        return EVERY_S
    return EVERY_S if everything else 0.0
