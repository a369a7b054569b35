"""Look whether anybody's rules about spending or credit have something to say."""

import asyncio

from gateway.alerts import store
from gateway.alerts.decide import decide
from gateway.alerts.fire import fire
from gateway.alerts.look import look
from gateway.alerts.types import Fire, Recover, Standing
from gateway.errors import StorageUnavailable
from gateway.kit.clock import DAY_US, now_us
from gateway.kit.db import Database, ReadConn
from gateway.kit.log import logger

EVERY_S = 2.0
Seen = dict[str, tuple[object, ...]]
"""How an account stood when it was last looked at; what stands as it did is not looked at again."""


async def watch_alerts(database: Database) -> None:
    """Runs for the life of the process."""
    seen: Seen = {}
    while True:
        try:
            await watch_step(database, seen, now_us())
        except StorageUnavailable as error:
            logger().warning("alerts_not_watched", reason=error.message)
        await asyncio.sleep(EVERY_S)


async def watch_step(database: Database, seen: Seen, now: int) -> int:
    """How many messages there are to send.  Without rules this is one read that finds nothing."""
    count = 0
    standings = await database.read(store.list_standings)
    for standing in standings:
        stands = (standing.seen, standing.rules, now // DAY_US)
        if seen.get(standing.account_id) == stands:
            continue
        decisions = await database.read(lambda conn, each=standing: _decisions(conn, each, now))  # type: ignore[misc]
        if decisions:
            count += await database.write(
                lambda conn, who=standing.account_id, what=decisions: fire(conn, who, what, now)  # type: ignore[misc]
            )
        seen[standing.account_id] = stands
    for gone in seen.keys() - {standing.account_id for standing in standings}:
        del seen[gone]
    return count


def _decisions(conn: ReadConn, standing: Standing, now: int) -> list[Fire | Recover]:
    figures = look(conn, standing.account_id, standing.rules, now)
    last = store.list_last(conn, [rule.id for rule in standing.rules])
    return decide(standing.rules, figures, last, now)
