"""Leases that nobody uses go back to their accounts, shares of limits too, and other processes hear that this one lives."""

import asyncio

from gateway.limits.admit import Limiter
from gateway.metering.writer import Writer


async def tend_leases(writer: Writer, limits: Limiter, every_s: float) -> None:
    """Runs for the life of the process."""
    while True:
        await asyncio.sleep(every_s)
        writer.tick()
        limits.tick()
