"""Both jobs of alerts, for as long as the application runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from gateway.alerts.deliver import Courier
from gateway.jobs.deliver_alerts import deliver_alerts
from gateway.jobs.watch_alerts import watch_alerts
from gateway.kit.db import Database


@contextlib.asynccontextmanager
async def alerting(database: Database, courier: Courier) -> AsyncIterator[None]:
    """What is cut off at its end is in the outbox still."""
    tasks = [asyncio.create_task(work) for work in (watch_alerts(database), deliver_alerts(courier))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await courier.close()
