"""Leases that nobody uses go back to their accounts, and other processes hear that this one lives."""

import asyncio

from gateway.metering.writer import Writer


async def tend_leases(writer: Writer, every_s: float) -> None:
    """Runs for the life of the process."""
    while True:
        await asyncio.sleep(every_s)
        writer.tick()
