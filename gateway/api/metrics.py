"""`/metrics` for Prometheus, with an operator's key.  Drift comes from the ledger, so that every process says the same."""

from collections.abc import Iterator

from litestar import Response, get
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.api.wiring import TheGateway
from gateway.inference.audit import Audits
from gateway.limits.admit import Limiter
from gateway.metering.store import sum_drift
from gateway.metering.types import DriftRow
from gateway.workers.router import Router

CONTENT_TYPE = "text/plain; version=0.0.4"


class Figures(Collector):
    def __init__(self, drift: list[DriftRow], router: Router, audits: Audits, limits: Limiter) -> None:
        self._drift = drift
        self._router = router
        self._audits = audits
        self._limits = limits

    def collect(self) -> Iterator[Metric]:
        labels = ["model", "worker", "token_class"]
        drift = GaugeMetricFamily(
            "tollway_drift_tokens", "Tokens by which a worker and we ever differed", labels=labels
        )
        samples = GaugeMetricFamily("tollway_audit_samples", "Requests counted twice", labels=labels[:2])
        for row in self._drift:
            drift.add_metric([row.model, row.worker, "input"], row.input_drift_tokens)
            drift.add_metric([row.model, row.worker, "output"], row.output_drift_tokens)
            samples.add_metric([row.model, row.worker], row.samples)
        busy = GaugeMetricFamily("tollway_requests_in_flight", "In this process", labels=["worker"])
        out = GaugeMetricFamily("tollway_worker_out", "1: it failed again and again", labels=["worker"])
        for worker in self._router.registry.workers:
            busy.add_metric([worker.name], self._router.loads.of(worker.name).requests)
            out.add_metric([worker.name], self._router.health.is_open(worker.name))
        waiting = GaugeMetricFamily("tollway_requests_waiting", "For a worker, in this process")
        waiting.add_metric([], self._router.waiting)
        dropped = GaugeMetricFamily(
            "tollway_audits_dropped", "Samples not counted, queue full, in this process"
        )
        dropped.add_metric([], self._audits.dropped)
        yield from (drift, samples, busy, out, waiting, dropped, *self._limit_figures())

    def _limit_figures(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "tollway_limit_refusals",
            "Requests refused for a limit, by this process",
            labels=["scope", "kind"],
        )
        for (scope, kind), count in self._limits.refusals.total.items():
            refused.add_metric([scope, kind], count)
        unknown = CounterMetricFamily(
            "tollway_limits_unknown", "Requests let in because the database could not say, by this process"
        )
        unknown.add_metric([], self._limits.unknown)
        yield from (refused, unknown)


@get("/metrics", answers={"text/plain": None})
async def metrics(gateway: TheGateway) -> Response[bytes]:
    """Tell figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(
        Figures(await gateway.database.read(sum_drift), gateway.router, gateway.audits, gateway.limits)
    )
    return Response(generate_latest(registry), media_type=CONTENT_TYPE)
