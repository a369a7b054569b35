"""Bring the sums that pages read up to date, twice a second, a little at a time."""

import asyncio

from gateway.errors import StorageUnavailable
from gateway.kit.db import Database
from gateway.kit.log import logger
from gateway.rollups.recent import Recent
from gateway.rollups.roll import prepare, roll
from gateway.rollups.store import list_behind
from gateway.rollups.types import Portion

EVERY_S = 0.5
ACCOUNTS_MAX = 100
"""In one step."""


async def roll_up(database: Database, recent: Recent) -> None:
    """Runs for the life of the process."""
    while True:
        pause_s = await roll_step(database, recent)
        await asyncio.sleep(pause_s)


async def roll_step(database: Database, recent: Recent | None = None) -> float:
    """Seconds until the next: none while there is much to do, but one bill may go first.

    `recent`: what need not be read, because this process billed it; None: nothing.
    """
    recent = recent or Recent()
    try:
        behind = await database.read(lambda conn: list_behind(conn, ACCOUNTS_MAX))
        taken = [portion for account in behind if (portion := recent.take(account)) is not None]
        have = {portion.account_id for portion in taken}
        others = [recent.before(account) for account in behind if account.account_id not in have]
        read: list[Portion] = []
        if others:
            read = await database.read(lambda conn: prepare(conn, others))
        if portions := taken + read:
            await database.write(lambda conn: roll(conn, portions))
    except StorageUnavailable as error:
        logger().warning("sums_not_rolled_up", reason=error.message)
        return EVERY_S
    reached = {portion.account_id: portion.until for portion in portions}
    everything = all(reached.get(account.account_id, 0) >= account.head for account in behind)
    return EVERY_S if everything and len(behind) < ACCOUNTS_MAX else 0.0
