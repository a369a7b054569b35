"""Workers, for operators and for themselves."""

from typing import Annotated

import msgspec

from gateway.api.schemas.shapes import Text
from gateway.workers.router import Router
from gateway.workers.types import Kind, Worker

LIMIT_MAX = 2**31
_Positive = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)]
URL_CHARS_MAX = 500
URL_PATTERN = r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:([0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?$"
"""The third group is the port."""
_Url = Annotated[
    str,
    msgspec.Meta(
        examples=["http://10.0.0.2:8000"],
        extra_json_schema={"pattern": URL_PATTERN, "maxLength": URL_CHARS_MAX},
    ),
]


class NewWorker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A worker by the URL at which this gateway reaches it; without `models` its own `/v1/models` is read."""

    url: _Url
    models: tuple[Text, ...] = ()
    weight: _Positive | None = None
    concurrency_max: _Positive | None = None


class WorkerState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is named is changed; null: as configured."""

    name: Text
    cordoned: bool | msgspec.UnsetType = msgspec.UNSET
    weight: _Positive | msgspec.UnsetType | None = msgspec.UNSET
    concurrency_max: _Positive | msgspec.UnsetType | None = msgspec.UNSET


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Everything but the worker's key.  `in_flight` and `tokens_per_s` (written lately) are of this process, `running` and `waiting` what it says itself.

    `out`: it failed again and again, and is asked last.  A cordoned one with nothing in flight is drained.
    """

    name: str
    url: str
    kind: Kind
    models: dict[str, str]
    weight: int
    concurrency_max: int | None
    in_flight: int
    tokens_in_flight: int
    tokens_per_s: float
    running: float
    waiting: float
    kv_cache_usage: float
    crowded: bool
    out: bool
    cordoned: bool


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """How often a worker says that it is there, and for how long it is believed; seconds."""

    heartbeat_s: int
    ttl_s: int


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """It gets nothing new."""

    left: bool


def worker_info(router: Router, worker: Worker, now: float) -> WorkerInfo:
    load, gauge = router.loads.of(worker.name), router.gauges.of(worker.name)
    return WorkerInfo(
        name=worker.name,
        url=worker.url,
        kind=worker.kind,
        models=worker.models,
        weight=worker.weight,
        concurrency_max=worker.concurrency_max,
        in_flight=load.requests,
        tokens_in_flight=load.tokens,
        tokens_per_s=round(load.pace, 1),
        running=gauge.running,
        waiting=gauge.waiting,
        kv_cache_usage=gauge.cache,
        crowded=gauge.is_crowded(now),
        out=router.health.is_open(worker.name),
        cordoned=router.registry.is_cordoned(worker.name),
    )
