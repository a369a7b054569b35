"""Empty the outbox of alerts, and forget what was delivered long ago."""

import asyncio
import time

from gateway.alerts.deliver import EVERY_S, Courier
from gateway.errors import StorageUnavailable
from gateway.kit.log import logger

FORGET_EVERY_S = 3600.0


async def deliver_alerts(courier: Courier) -> None:
    """Runs for the life of the process."""
    forget_at = time.monotonic() + FORGET_EVERY_S
    while True:
        try:
            await courier.step()
            if time.monotonic() > forget_at:
                forget_at += FORGET_EVERY_S
                await courier.forget()
        except StorageUnavailable as error:
            logger().warning("alerts_not_delivered", reason=error.message)
        await asyncio.sleep(EVERY_S)
