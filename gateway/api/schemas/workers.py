"""Workers, for operators and for themselves."""

from typing import Annotated, Any

import msgspec

from gateway.workers.router import Router
from gateway.workers.types import Worker

_Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31)]


class NewWorker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    models: tuple[str, ...] = ()
    weight: _Positive | None = None
    concurrency_max: _Positive | None = None


class WorkerState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is named is changed; null: as configured."""

    name: str
    cordoned: bool | msgspec.UnsetType = msgspec.UNSET
    weight: _Positive | msgspec.UnsetType | None = msgspec.UNSET
    concurrency_max: _Positive | msgspec.UnsetType | None = msgspec.UNSET


def worker_fields(router: Router, worker: Worker, now: float) -> dict[str, Any]:
    """For operators: everything but the worker's key.  `out`: it failed again and again, and is asked last."""
    load, gauge = router.loads.of(worker.name), router.gauges.of(worker.name)
    return {
        "name": worker.name,
        "url": worker.url,
        "kind": worker.kind,
        "models": worker.models,
        "weight": worker.weight,
        "concurrency_max": worker.concurrency_max,
        "in_flight": load.requests,
        "tokens_in_flight": load.tokens,
        "running": gauge.running,
        "waiting": gauge.waiting,
        "kv_cache_usage": gauge.cache,
        "crowded": gauge.is_crowded(now),
        "out": router.health.is_open(worker.name),
        "cordoned": router.registry.is_cordoned(worker.name),
    }
