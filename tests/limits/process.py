"""A process of the gateway as limits see it: one event loop in a thread, one limiter, connections of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.kit.db import Database
from gateway.limits.admit import Admission, Limiter
from gateway.limits.types import MINUTE_US, NO_LIMITS, Bound

START = 29_000_000 * MINUTE_US
TTL_US = MINUTE_US // 2
ONE = (1, 10, 20, 1)


class Clock:
    def __init__(self) -> None:
        self.now_us = START + 5

    def __call__(self) -> int:
        return self.now_us


class Process:
    def __init__(self, url: str, clock: Callable[[], int]) -> None:
        self.limiter = Limiter(Database(url, retry_s=10), NO_LIMITS, ttl_us=TTL_US, clock=clock)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.begin(work).result(30)

    def admit(self, bounds: tuple[Bound, ...], asked: tuple[int, int, int, int] = ONE) -> Admission:
        return self.run(self.limiter.admit(bounds, asked))  # type: ignore[no-any-return]

    def end(self, admission: Admission, spent: tuple[int, int, int, int]) -> None:
        async def act() -> None:
            self.limiter.end(admission, spent)
            await self.settled()

        self.run(act())

    def tick(self) -> None:
        async def act() -> None:
            self.limiter.tick()
            await self.settled()

        self.run(act())

    async def settled(self) -> None:
        while self.limiter._task is not None:
            await asyncio.wait({self.limiter._task})

    def die(self) -> None:
        """As kill -9 would have it: nothing is said."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self.limiter._database.close()
        self._loop.close()

    def stop(self) -> None:
        self.run(self.limiter.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
