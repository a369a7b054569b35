"""How busy a worker says it is: its own metrics, which know of everybody's requests, not only of this process's.

Failure mode: open.  A worker without metrics, or whose metrics cannot be read, is chosen by what we know ourselves.
"""

import asyncio
import re
import time

import msgspec

from gateway.errors import WorkerFailed
from gateway.workers.http import HttpClient, authorization, read_body
from gateway.workers.load import Loads
from gateway.workers.registry import Registry
from gateway.workers.types import Kind, Worker

EVERY_S = 1.0
TIMEOUT_S = 2.0
BYTES_MAX = 4 * 2**20
SMOOTHING = 0.1
"""Of the newest number each second: a mean over some ten (ADR 0009)."""
QUEUE_SMOOTHING = 0.3
NEVER = float("-inf")
STALE_S = 5.0
"""Older numbers say nothing about now."""
ASK_AGAIN_S = 60.0
"""A worker that has no metrics is asked for them again after so long."""
WAITING_MAX = 16
"""With so many requests waiting in its own queue a worker is crowded."""
CACHE_MAX = 0.95
"""With so much of its KV cache in use, and requests waiting, a worker is crowded."""

_NAMES: dict[Kind, tuple[bytes, bytes, bytes]] = {
    "vllm": (b"vllm:num_requests_running", b"vllm:num_requests_waiting", b"vllm:kv_cache_usage_perc"),
    "sglang": (b"sglang:num_running_reqs", b"sglang:num_queue_reqs", b"sglang:token_usage"),
    "llamacpp": (b"llamacpp:requests_processing", b"llamacpp:requests_deferred", b"llamacpp:kv_cache_usage_ratio"),
}  # fmt: skip
"""Running, waiting, share of the cache in use (MISTRAL.md section 6; SGLang's documentation)."""
_LINES = {
    kind: re.compile(
        rb"^(" + b"|".join(map(re.escape, names)) + rb")(?:\{[^}\n]*\})? +([0-9.eE+-]+)", re.MULTILINE
    )
    for kind, names in _NAMES.items()
}


class Gauge(msgspec.Struct, frozen=True):
    """Requests it runs and has waiting, and the share of its KV cache in use (0 to 1)."""

    running: float = 0
    waiting: float = 0
    cache: float = 0
    read_at: float = NEVER
    others: float = 0
    """Of its requests those that are not ours, smoothed."""
    queue: float = 0
    """`waiting`, smoothed: a request that came just now waits for the next step of an idle engine too."""

    def is_crowded(self, now: float) -> bool:
        """Whether it has work enough for a while."""
        if now - self.read_at > STALE_S:
            return False
        return self.waiting >= WAITING_MAX or (self.waiting > 0 and self.cache >= CACHE_MAX)

    def queue_at(self, now: float) -> float:
        """Requests that keep waiting at it: a conversation's cache is not worth standing in line for."""
        return self.queue if now - self.read_at <= STALE_S else 0.0

    def others_at(self, now: float) -> float:
        """Requests that it has from somebody else, on the average of the last seconds."""
        return self.others if now - self.read_at <= STALE_S else 0.0

    def after(self, before: "Gauge", ours: int) -> "Gauge":
        """Smoothed over what it was: many who run after the same fresh number run to one worker."""
        others = max(0.0, self.running + self.waiting - ours)
        if before.read_at == NEVER:
            return msgspec.structs.replace(self, others=others)
        return msgspec.structs.replace(
            self,
            others=before.others + SMOOTHING * (others - before.others),
            queue=before.queue + QUEUE_SMOOTHING * (self.waiting - before.queue),
        )


NO_GAUGE = Gauge()


def parse(kind: Kind, text: bytes, now: float) -> Gauge | None:
    """From Prometheus' text format, summed over engines (the cache: the fullest); None: none of the numbers is there."""
    running, waiting, cache = _NAMES[kind]
    values: dict[bytes, list[float]] = {}
    for name, value in _LINES[kind].findall(text):
        values.setdefault(name, []).append(float(value))
    if not values:
        return None
    return Gauge(
        running=sum(values.get(running, ())),
        waiting=sum(values.get(waiting, ())),
        cache=max(values.get(cache, (0.0,))),
        read_at=now,
    )


class Gauges:
    """The newest numbers of each worker."""

    def __init__(self, workers: Registry, client: HttpClient, loads: Loads) -> None:
        self._workers = workers
        self._loads = loads
        self._client = client
        self._newest: dict[str, Gauge] = {}
        self._silent_until: dict[str, float] = {}

    def of(self, name: str) -> Gauge:
        return self._newest.get(name, NO_GAUGE)

    async def watch(self) -> None:
        """Runs for the life of the process."""
        while True:
            await self.read_all()
            await asyncio.sleep(EVERY_S)

    async def read_all(self) -> None:
        now = time.monotonic()
        asked = [
            worker
            for worker in self._workers.workers
            if worker.kind in _NAMES and self._silent_until.get(worker.name, 0) <= now
        ]
        await asyncio.gather(*map(self._read, asked))

    async def _read(self, worker: Worker) -> None:
        try:
            url = f"{worker.url}/metrics"
            answer = await self._client.send("GET", url, authorization(worker), within_s=TIMEOUT_S)
            try:
                text = await read_body(answer, BYTES_MAX, TIMEOUT_S) if answer.status == 200 else b""
            finally:
                answer.close()
        except WorkerFailed:
            return  # the breaker's business; what we knew grows stale
        gauge = parse(worker.kind, text, time.monotonic())
        if gauge is None:
            self._silent_until[worker.name] = time.monotonic() + ASK_AGAIN_S
        else:
            ours = self._loads.of(worker.name).requests
            self._newest[worker.name] = gauge.after(self.of(worker.name), ours)
