"""Who serves this request: what is known of each worker at the moment, put before `choose.py`; and the wait when all are busy.

Failure mode: open where it can.  A worker that fails comes last but is never ruled out; without numbers of its own it is
chosen by ours; when all are busy, requests wait for a bounded time, and are then told when to come back.
"""

import asyncio
import time
from collections.abc import Collection
from math import ceil
from random import Random

import msgspec

from gateway.errors import NoWorker, WorkerBusy
from gateway.workers.choose import BUSY, CROWDED, FREE, OUT, Candidate, Conversation, choose
from gateway.workers.gauge import Gauges
from gateway.workers.health import Health
from gateway.workers.homes import Homes
from gateway.workers.http import HttpClient
from gateway.workers.load import Loads, Work
from gateway.workers.order_by import is_fit, tier
from gateway.workers.queue import Queue, QueueFull
from gateway.workers.registry import Registry
from gateway.workers.ring import Ring
from gateway.workers.types import Kind, Need, Policy, Worker

TICK_S = 0.1
"""How often those who wait look again by themselves: a pause may be over, a worker may have been added."""
ALLOWED_MAX = 1024
UNFIT = 2**62
"""Added to the tier of a worker that may not be able to take the request: asked when nobody else can."""


Line = tuple[str, Policy, frozenset[Kind] | None]


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that matter here.  `processes` share each worker's `concurrency_max`."""

    policy: Policy = "local-then-mistral"
    policies: dict[str, Policy] = {}
    queue_max: int = 256
    queue_wait_s: float = 30.0
    processes: int = 1


class Router:
    def __init__(self, registry: Registry, client: HttpClient, routing: Routing) -> None:
        self.registry = registry
        self.loads = Loads()
        self.gauges = Gauges(registry, client, self.loads)
        self.health = Health()
        self.homes = Homes()
        self._routing = routing
        self._queue: Queue[Line] = Queue(routing.queue_max)
        self.rings: dict[tuple[tuple[str, int], ...], Ring] = {}
        self._allowed: dict[tuple[int, str, Policy, frozenset[Kind] | None], list[Worker]] = {}
        """As of a version of the registry: asked twice for each request."""
        self._chance = Random()  # noqa: S311 - a spread, not a secret

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def allowed(self, need: Need) -> list[Worker]:
        """Those that serve the model, understand the request, and that the policy admits.  Raises NoWorker."""
        policy = self._policy(need)
        asked = (self.registry.version, need.model_id, policy, need.kinds)
        known = self._allowed.get(asked)
        if known is not None:
            return known
        found = [
            worker
            for worker in self.registry.serving(need.model_id)
            if (need.kinds is None or worker.kind in need.kinds) and tier(worker, need, policy) is not None
        ]
        if not found:
            raise NoWorker(
                f"no worker may serve {need.model_id!r} under the policy {policy!r}; ask the operator",
                retry_after_s=5,
            )
        if len(self._allowed) >= ALLOWED_MAX:
            self._allowed.clear()
        if self.registry.is_lasting:
            self._allowed[asked] = found
        return found

    async def pick(
        self, need: Need, tried: Collection[str] = (), *, wait_s: float | None = None
    ) -> tuple[Worker, Work] | None:
        """A worker, and its load with this request in it; the caller ends it.  None: everybody was tried.

        Waits while all are busy, for `wait_s` (None: as set) at most, in turn with other accounts.

        Raises:
            NoWorker: nobody serves the model.
            WorkerBusy: all are busy, and will be for longer than one may wait; or too many wait.
        """
        untried = self.allowed(need)
        if tried:
            untried = [worker for worker in untried if worker.name not in tried]
        if not untried:
            return None
        if not self._queue.has(self._line(need)):
            found = self._free(untried, need, OUT)
            if found is not None:
                return found
        limit = self._routing.queue_wait_s
        return await self._wait(need, tried, limit if wait_s is None else min(wait_s, limit))

    def spare(
        self, need: Need, tried: Collection[str], *, rank_max: int = FREE
    ) -> tuple[Worker, Work] | None:
        """A worker that can begin now and is no worse than `rank_max`; None: there is none."""
        untried = [worker for worker in self.allowed(need) if worker.name not in tried]
        return self._free(untried, need, rank_max) if untried else None

    def _free(self, workers: list[Worker], need: Need, rank_max: int) -> tuple[Worker, Work] | None:
        now = time.monotonic()
        if len(workers) == 1:  # there is nothing to choose
            rank = self._rank(workers[0], need.model_id, now)
            worker = None if rank == BUSY or rank > rank_max else workers[0]
        else:
            worker = self._chosen(workers, need, rank_max, now)
        if worker is None:
            return None
        if need.spot is not None:
            self.homes.settle(need.spot, worker.name)
        tokens = need.input_tokens + need.output_tokens
        load = self.loads.of(worker.name)
        return worker, Work(load, need.input_tokens, tokens, now, lambda: self._freed(worker))

    def _chosen(self, workers: list[Worker], need: Need, rank_max: int, now: float) -> Worker | None:
        candidates = [self._candidate(worker, need, now) for worker in workers]
        best = min(each.rank for each in candidates)
        if best == BUSY or best > rank_max:
            return None
        talk = None
        if need.spot is not None:
            tokens = need.input_tokens + need.output_tokens
            home = self.homes.of(need.spot)
            talk = Conversation(ring=self._ring(workers), spot=need.spot, tokens=tokens, home=home)
        name = choose(candidates, self._chance, talk).name
        return next(worker for worker in workers if worker.name == name)

    async def watch(self) -> None:
        """Runs for the life of the process: wakes those whose worker became free by itself."""
        while True:
            await asyncio.sleep(TICK_S)
            self.loads.measure(time.monotonic())
            for line in self._queue.lines:
                self._queue.wake(line)

    async def _wait(self, need: Need, tried: Collection[str], wait_s: float) -> tuple[Worker, Work] | None:
        begun, line = time.monotonic(), self._line(need)
        again_s = self._busy_for(need, tried)
        if again_s > wait_s:
            raise _all_busy(need, again_s)
        first = False
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    with self._queue.place(line, need.account_id, first=first) as turn:
                        await turn
                    found = self.spare(need, tried, rank_max=OUT)
                    if found is not None:
                        self._queue.wake(line)  # there may be room for more than one
                        return found
                    first = (
                        not tried
                    )  # who may not have the worker that is free must not stand in others' way
        except QueueFull:
            raise _all_busy(need, max(1.0, again_s)) from None
        except TimeoutError:
            raise _all_busy(need, max(time.monotonic() - begun, again_s)) from None

    def _busy_for(self, need: Need, tried: Collection[str]) -> float:
        """Seconds until the first of them takes requests again, as far as they said."""
        untried = [worker for worker in self.allowed(need) if worker.name not in tried]
        return min((self.health.busy_for(worker.name, need.model_id) for worker in untried), default=0.0)

    def _candidate(self, worker: Worker, need: Need, now: float) -> Candidate:
        load, gauge = self.loads.of(worker.name), self.gauges.of(worker.name)
        order = tier(worker, need, self._policy(need)) or 0
        return Candidate(
            name=worker.name,
            rank=self._rank(worker, need.model_id, now),
            tier=order if is_fit(worker, need) else order + UNFIT,
            busy=load.busy + gauge.others_at(now),
            given=load.recent(now),
            weight=worker.weight * self.health.share(worker.name),
            queue=gauge.queue_at(now),
        )

    def _rank(self, worker: Worker, model_id: str, now: float) -> int:
        if self.health.is_open(worker.name):
            return OUT
        limit = worker.concurrency_max
        full = limit is not None and self.loads.of(worker.name).requests >= ceil(
            limit / self._routing.processes
        )
        if full or self.health.busy_for(worker.name, model_id) > 0:
            return BUSY
        return CROWDED if self.gauges.of(worker.name).is_crowded(now) else FREE

    def _line(self, need: Need) -> Line:
        """Who waits for the same workers."""
        return need.model_id, self._policy(need), need.kinds

    def _policy(self, need: Need) -> Policy:
        return need.policy or self._routing.policies.get(need.model_id) or self._routing.policy

    def _ring(self, workers: list[Worker]) -> Ring:
        key = tuple(sorted((worker.name, worker.weight) for worker in workers))
        if key not in self.rings:
            if len(self.rings) >= 64:  # one per set of workers: sets come and go
                self.rings.clear()
            self.rings[key] = Ring(dict(key))
        return self.rings[key]

    def _freed(self, worker: Worker) -> None:
        for line in self._queue.lines:
            if line[0] in worker.models:
                self._queue.wake(line)


def _all_busy(need: Need, again_s: float) -> WorkerBusy:
    return WorkerBusy(
        f"all workers that serve {need.model_id!r} are busy; nothing was charged, try again later",
        retry_after_s=max(1, ceil(again_s)),
    )
