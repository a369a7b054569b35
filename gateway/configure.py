"""What the settings say about workers, as the values that their room takes."""

from gateway.catalog.snapshot import Catalog
from gateway.errors import BadRequest
from gateway.kit.money import parse_usd
from gateway.settings import Settings, SettingsError, WorkerSettings
from gateway.workers.mistral import mistral_worker
from gateway.workers.order_by import parse_policy
from gateway.workers.router import Routing
from gateway.workers.types import Cost, Worker


def workers_of(settings: Settings, catalog: Catalog) -> list[Worker]:
    """The configured workers, and the Mistral API if there is a key for it."""
    workers = [
        Worker(
            name=worker.url,
            url=worker.url.rstrip("/").removesuffix("/v1"),
            models=worker.models,
            api_key=worker.api_key,
            weight=worker.weight,
            concurrency_max=worker.concurrency_max,
            cost=_cost(worker),
        )
        for worker in settings.workers
    ]
    if settings.mistral_api_key:
        workers.append(mistral_worker(catalog.book, settings.mistral_url, settings.mistral_api_key))
    return workers


def _cost(worker: WorkerSettings) -> Cost:
    """Raises SettingsError."""
    unknown = worker.usd_per_mtok.keys() - {"input", "output"}
    try:
        prices = {name: parse_usd(text) for name, text in worker.usd_per_mtok.items()}
    except ValueError as error:
        raise SettingsError(f"`workers` usd_per_mtok of {worker.url}: {error}") from error
    if unknown or min(prices.values(), default=0) < 0:
        raise SettingsError(
            f"`workers` usd_per_mtok of {worker.url} has `input` and `output`, neither below 0"
        )
    return Cost(prices.get("input"), prices.get("output"))


def routing(settings: Settings) -> Routing:
    """Raises SettingsError: a policy that is none."""
    try:
        return Routing(
            policy=parse_policy(settings.policy) or Routing().policy,
            policies={
                model: parse_policy(text) or Routing().policy for model, text in settings.policies.items()
            },
            queue_max=settings.queue_max,
            queue_wait_s=settings.queue_wait_s,
            processes=settings.processes,
        )
    except BadRequest as error:
        raise SettingsError(f"`policy`: {error.message}") from error
