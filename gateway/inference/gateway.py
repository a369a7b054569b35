"""What every request needs, wired together in `app.py`."""

import msgspec

from gateway.catalog.snapshot import Catalog
from gateway.inference.audit import Audits
from gateway.inference.drains import Drains
from gateway.inference.measure import Measure
from gateway.kit.db import Database
from gateway.limits.admit import Limiter
from gateway.metering.writer import Writer
from gateway.workers.budget import Budget
from gateway.workers.hedge import Hedging
from gateway.workers.http import HttpClient
from gateway.workers.registry import Registry
from gateway.workers.router import Router
from gateway.workers.types import Timeouts


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """What a request needs, wired together in `app.py`."""

    database: Database
    catalog: Catalog
    workers: Registry
    router: Router
    retries: Budget
    hedging: Hedging | None
    client: HttpClient
    timeouts: Timeouts
    measure: Measure
    drains: Drains
    audits: Audits
    writer: Writer
    limits: Limiter
    stream_hold_tokens: int
    claim_ttl_s: float
    idempotency_ttl_s: float
