"""`/metrics` for Prometheus, with an operator's key.  Drift comes from the ledger, so that every process says the same."""

from collections.abc import Iterator

from litestar import Response, get
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.api.wiring import TheGateway, TheStripe
from gateway.billing.report import Counts, count
from gateway.inference.audit import Audits
from gateway.limits.admit import Limiter
from gateway.metering.store import sum_drift
from gateway.metering.types import DriftRow
from gateway.workers.router import Router

CONTENT_TYPE = "text/plain; version=0.0.4"


class Figures(Collector):
    def __init__(
        self, drift: list[DriftRow], router: Router, audits: Audits, limits: Limiter, border: Counts | None
    ) -> None:
        self._drift = drift
        self._router = router
        self._audits = audits
        self._limits = limits
        self._border = border

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
        yield from (
            drift,
            samples,
            busy,
            out,
            waiting,
            dropped,
            *self._limit_figures(),
            *self._border_figures(),
        )

    def _limit_figures(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "tollway_limit_refusals",
            "Requests refused for a limit, by this process",
            labels=["scope", "kind"],
        )
        for (scope, kind), number in self._limits.refusals.total.items():
            refused.add_metric([scope, kind], number)
        unknown = CounterMetricFamily(
            "tollway_limits_unknown", "Requests let in because the database could not say, by this process"
        )
        unknown.add_metric([], self._limits.unknown)
        yield from (refused, unknown)

    def _border_figures(self) -> Iterator[Metric]:
        """Of the whole installation, where it takes payments."""
        if self._border is None:
            return
        for name, words, value in (
            ("outbox_waiting", "What Stripe is still to be told", self._border.waiting),
            ("outbox_frozen", "What Stripe is to be told, and a person must look at", self._border.frozen),
            ("inbox_unhandled", "News of Stripe's that nothing was made of yet", self._border.unhandled),
            ("differences", "Between the ledger and Stripe, as of the last report", self._border.differences),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"tollway_stripe_{name}", words, value=value)


@get("/metrics", answers={"text/plain": None})
async def metrics(gateway: TheGateway, stripe: TheStripe) -> Response[bytes]:
    """Tell figures in Prometheus' text format."""
    drift = await gateway.database.read(sum_drift)
    border = await gateway.database.read(count) if stripe.is_on else None
    registry = CollectorRegistry()
    registry.register(Figures(drift, gateway.router, gateway.audits, gateway.limits, border))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE)
