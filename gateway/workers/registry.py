"""The workers there are, and what each serves.

From `tollway.toml`, from operators, and from workers that joined by themselves.  A worker's models come from its
configuration or from its own `/v1/models`; those that the price book knows, by id or alias, can be asked for.  One that
does not answer yet is asked again every few seconds.
"""

import asyncio
import time
from collections.abc import Iterable

import msgspec

from gateway.catalog.snapshot import Catalog
from gateway.catalog.types import Model
from gateway.errors import NoWorker, WorkerFailed
from gateway.kit.log import logger
from gateway.workers.discover import Card, list_mistral_models, list_models
from gateway.workers.http import HttpClient
from gateway.workers.mistral import upstream_names
from gateway.workers.types import Change, Worker

RETRY_S = 3.0
MISTRAL_EVERY_S = 600.0
"""How often the Mistral API is asked which models our key may use: they retire."""
MISTRAL_RETRY_S = 60.0
WITHDRAWN_S = 3600.0
"""How long a model stays withdrawn that an upstream will not serve us, whatever its list says."""


class Registry:
    def __init__(self, workers: Iterable[Worker], catalog: Catalog, client: HttpClient) -> None:
        self._base = {worker.name: worker for worker in workers}
        """As configured, or as added: before anything was asked or changed."""
        self._workers = dict(self._base)
        self._unknown = self._askable()
        self._catalog = catalog
        self._client = client
        self._added: set[str] = set()
        self._changes: dict[str, Change] = {}
        self._mistral_at = float("-inf")
        self._withdrawn: dict[tuple[str, str], float] = {}
        self.version = 0
        """Counts the changes of who serves what."""

    @property
    def workers(self) -> list[Worker]:
        return list(self._workers.values())

    def apply(self, changes: Iterable[Change]) -> bool:
        """Takes over what operators changed and who joined; says whether there is a worker to be discovered.

        A worker that was removed is asked nothing more; what it is doing it finishes.
        """
        self.version += 1
        self._changes = {change.name: change for change in changes}
        wanted = {name: change for name, change in self._changes.items() if change.url is not None}
        for name in [name for name in self._added if name not in wanted]:
            self._forget(name)
        new = False
        for name, change in wanted.items():
            base = Worker(name=name, url=change.url or "", models=change.models)
            if name not in self._base or (name in self._added and self._base[name] != base):
                self._base[name] = self._workers[name] = base
                self._added.add(name)
                self._unknown.add(name)
                new = True
        for name in self._workers:
            self._workers[name] = self._as_changed(self._workers[name])
        return new

    def is_cordoned(self, name: str) -> bool:
        change = self._changes.get(name)
        return change is not None and change.cordoned

    def serving(self, model_id: str) -> list[Worker]:
        """Raises NoWorker."""
        found = [worker for worker in self._workers.values() if model_id in worker.models]
        if self._changes or self._withdrawn:
            found = [
                worker
                for worker in found
                if not self.is_cordoned(worker.name) and not self._is_withdrawn(worker.name, model_id)
            ]
        if not found:
            raise NoWorker(
                f"no worker serves {model_id!r} at the moment; try again, or ask the operator",
                retry_after_s=5,
            )
        return found

    def withdraw(self, name: str, model_id: str) -> None:
        """It lists the model and will not serve it to us: a plan without it."""
        self._withdrawn[name, model_id] = time.monotonic() + WITHDRAWN_S
        self.version += 1
        logger().error("model_withdrawn", worker=name, model=model_id, for_s=WITHDRAWN_S)

    @property
    def is_lasting(self) -> bool:
        """Whether who serves what stays as it is until something is changed: a model that was withdrawn comes back by itself."""
        now = time.monotonic()
        return all(until <= now for until in self._withdrawn.values())

    def served_models(self) -> set[str]:
        return {
            model_id
            for worker in self._workers.values()
            if not self.is_cordoned(worker.name)
            for model_id in worker.models
        }

    def model(self, model_id: str) -> Model | None:
        """What the price book in force says of it."""
        return self._catalog.find(model_id)

    def look_again(self) -> None:
        """After a change of the price book: every worker is asked anew what it offers."""
        self._unknown = self._askable()
        self._mistral_at = float("-inf")

    async def discover(self) -> None:
        """Asks every worker of ours that has not said yet what it is and serves; silence is logged, not raised."""
        await asyncio.gather(*(self._ask(self._workers[name]) for name in sorted(self._unknown)))

    async def watch(self) -> None:
        """Runs for the life of the process: workers that were silent are asked again, the Mistral API now and then."""
        while True:
            if time.monotonic() >= self._mistral_at:
                self._mistral_at = time.monotonic() + MISTRAL_EVERY_S
                await asyncio.gather(*(self._ask(each) for each in self.workers if each.kind == "mistral"))
            await asyncio.sleep(RETRY_S)
            await self.discover()

    async def _ask(self, worker: Worker) -> None:
        remote = worker.kind == "mistral"
        try:
            cards = await (list_mistral_models(worker) if remote else list_models(self._client, worker))
        except WorkerFailed as error:
            logger().warning("worker_silent", worker=worker.name, url=worker.url, reason=error.message)
            if remote:
                self._mistral_at = time.monotonic() + MISTRAL_RETRY_S
            return
        if worker.name not in self._workers:
            return  # removed while it was asked
        found = self._as_mistral_says(worker, cards) if remote else self._as_it_says(worker, cards)
        self._workers[worker.name] = self._as_changed(found)
        self.version += 1
        self._unknown.discard(worker.name)
        logger().info(
            "worker_found", worker=found.name, url=found.url, kind=found.kind, models=sorted(found.models)
        )

    def _as_it_says(self, worker: Worker, cards: list[Card]) -> Worker:
        configured = self._by_catalog_id(self._base[worker.name].models)
        models = configured or self._by_catalog_id({card.id: card.id for card in cards})
        if not models:
            logger().warning("worker_useless", worker=worker.name, offers=[card.id for card in cards],
                             reason="none of its models is in the price book")  # fmt: skip
        return msgspec.structs.replace(
            worker,
            kind=next((card.kind for card in cards if card.kind is not None), worker.kind),
            models=models,
            contexts=_contexts(models, cards),
            blind=bool(cards) and all(card.is_blind for card in cards),
        )

    def _as_mistral_says(self, worker: Worker, cards: list[Card]) -> Worker:
        """Of the catalogue's models those that it still offers: a retired one is not asked for."""
        offered = {card.id for card in cards}
        wanted = upstream_names(self._catalog.book)
        models = {model_id: own for model_id, own in wanted.items() if own in offered}
        if retired := sorted(wanted.keys() - models.keys()):
            logger().warning("models_not_offered", worker=worker.name, models=retired)
        return msgspec.structs.replace(worker, models=models)

    def _as_changed(self, worker: Worker) -> Worker:
        base, change = self._base[worker.name], self._changes.get(worker.name)
        weight = change.weight if change is not None and change.weight is not None else base.weight
        limit = base.concurrency_max
        if change is not None and change.concurrency_max is not None:
            limit = change.concurrency_max
        if (worker.weight, worker.concurrency_max) == (weight, limit):
            return worker
        return msgspec.structs.replace(worker, weight=weight, concurrency_max=limit)

    def _by_catalog_id(self, names: dict[str, str]) -> dict[str, str]:
        found = {}
        for public, own in names.items():
            model = self._catalog.find(public)
            if model is not None:
                found[model.id] = own
        return found

    def _askable(self) -> set[str]:
        return {name for name, worker in self._base.items() if worker.kind != "mistral"}

    def _forget(self, name: str) -> None:
        self._added.discard(name)
        self._unknown.discard(name)
        del self._base[name], self._workers[name]

    def _is_withdrawn(self, name: str, model_id: str) -> bool:
        return bool(self._withdrawn) and self._withdrawn.get((name, model_id), 0.0) > time.monotonic()


def _contexts(models: dict[str, str], cards: list[Card]) -> dict[str, int]:
    by_id = {card.id: card.context_tokens for card in cards}
    return {model_id: size for model_id, own in models.items() if (size := by_id.get(own))}
