"""The workers there are, what each serves, and how busy each is.

A worker's models come from `tollway.toml` or from its own `/v1/models`; those that the price book knows, by id or
alias, can be asked for.  One that does not answer yet is asked again every few seconds.
"""

import asyncio
from collections.abc import Iterable
from random import Random

import msgspec

from gateway.catalog.snapshot import Catalog
from gateway.catalog.types import Model
from gateway.errors import NoWorker, WorkerFailed
from gateway.kit.log import logger
from gateway.workers.choose import order
from gateway.workers.health import Health
from gateway.workers.http import Answer, HttpClient
from gateway.workers.load import Load
from gateway.workers.types import Change, Kind, Worker

RETRY_S = 3.0
LIST_TIMEOUT_S = 5.0
LIST_BYTES_MAX = 4 * 2**20

_OWNERS: dict[str, Kind] = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llamacpp", "library": "ollama"}
"""`owned_by` in `/v1/models`, by which servers give themselves away (MISTRAL.md section 6)."""


class _Card(msgspec.Struct):
    id: str
    owned_by: str = ""


class _Cards(msgspec.Struct):
    data: list[_Card] = []


class Registry:
    def __init__(self, workers: Iterable[Worker], catalog: Catalog, client: HttpClient) -> None:
        self._workers = {worker.name: worker for worker in workers}
        self._configured = {name: worker.models for name, worker in self._workers.items()}
        self._unknown = {name for name, worker in self._workers.items() if worker.kind != "mistral"}
        self._catalog = catalog
        self._client = client
        self._added: set[str] = set()
        self._cordoned: set[str] = set()
        self.health = Health()
        self._loads: dict[str, Load] = {}
        self._chance = Random()  # noqa: S311 - a spread, not a secret

    @property
    def workers(self) -> list[Worker]:
        return list(self._workers.values())

    def apply(self, changes: Iterable[Change]) -> bool:
        """Takes over what operators changed; says whether there is a worker to be discovered.

        A worker that was removed is asked nothing more; what it is doing it finishes.
        """
        listed = {change.name: change for change in changes}
        self._cordoned = {name for name, change in listed.items() if change.cordoned}
        wanted = {name for name, change in listed.items() if change.url is not None}
        for name in self._added - wanted:
            del self._workers[name]
            self._unknown.discard(name)
        new = wanted - self._workers.keys()
        for name in new:
            change = listed[name]
            self._workers[name] = Worker(name=name, url=change.url or "")
            self._configured[name] = change.models
        self._unknown |= new
        self._added = (self._added & wanted) | new
        return bool(new)

    def is_cordoned(self, name: str) -> bool:
        return name in self._cordoned

    def load(self, name: str) -> Load:
        return self._loads.setdefault(name, Load())

    def order(self, model_id: str) -> list[Worker]:
        """Those that serve the model, the one to ask first at the head.  Raises NoWorker."""
        found = self.serving(model_id)
        ranks = {worker.name: self.health.rank(worker.name) for worker in found}
        work = {
            worker.name: (self.load(worker.name).tokens + 1) / self.health.share(worker.name)
            for worker in found
        }
        return order(found, ranks, work, self._chance)

    def serving(self, model_id: str) -> list[Worker]:
        """Raises NoWorker."""
        found = [
            worker
            for worker in self._workers.values()
            if model_id in worker.models and worker.name not in self._cordoned
        ]
        if not found:
            raise NoWorker(
                f"no worker serves {model_id!r} at the moment; try again, or ask the operator",
                retry_after_s=5,
            )
        return found

    def served_models(self) -> set[str]:
        return {
            model_id
            for worker in self._workers.values()
            if worker.name not in self._cordoned
            for model_id in worker.models
        }

    def model(self, model_id: str) -> Model | None:
        """What the price book in force says of it."""
        return self._catalog.find(model_id)

    def look_again(self) -> None:
        """After a change of the price book: every worker is asked anew what it offers."""
        self._unknown = {name for name, worker in self._workers.items() if worker.kind != "mistral"}

    async def discover(self) -> None:
        """Asks every worker that has not said yet what it is and serves; silence is logged, not raised."""
        await asyncio.gather(*(self._ask(self._workers[name]) for name in sorted(self._unknown)))

    async def watch(self) -> None:
        """Runs for the life of the process: workers that were silent are asked again."""
        while True:
            await asyncio.sleep(RETRY_S)
            await self.discover()

    async def _ask(self, worker: Worker) -> None:
        try:
            async with asyncio.timeout(LIST_TIMEOUT_S):
                cards = await self._list(worker)
        except (WorkerFailed, TimeoutError, msgspec.DecodeError) as error:
            logger().warning(
                "worker_silent", worker=worker.name, url=worker.url, reason=str(error) or "no answer in time"
            )
            return
        kind = next((_OWNERS[card.owned_by] for card in cards if card.owned_by in _OWNERS), worker.kind)
        models = self._by_catalog_id(self._configured[worker.name]) or self._by_catalog_id(
            {card.id: card.id for card in cards}
        )
        if worker.name not in self._workers:
            return  # removed while it was asked
        self._workers[worker.name] = msgspec.structs.replace(worker, kind=kind, models=models)
        self._unknown.discard(worker.name)
        logger().info("worker_found", worker=worker.name, url=worker.url, kind=kind, models=sorted(models))
        if not models:
            logger().warning("worker_useless", worker=worker.name, offers=[card.id for card in cards],
                             reason="none of its models is in the price book")  # fmt: skip

    def _by_catalog_id(self, names: dict[str, str]) -> dict[str, str]:
        found = {}
        for public, own in names.items():
            model = self._catalog.find(public)
            if model is not None:
                found[model.id] = own
        return found

    async def _list(self, worker: Worker) -> list[_Card]:
        headers = authorization(worker)
        answer = await self._client.send("GET", f"{worker.url}/v1/models", headers)
        try:
            if answer.status != 200:
                raise WorkerFailed(f"/v1/models answered {answer.status}")
            return msgspec.json.decode(await read_body(answer, LIST_BYTES_MAX), type=_Cards).data
        finally:
            await answer.close()


def authorization(worker: Worker) -> dict[str, str]:
    return {"authorization": f"Bearer {worker.api_key}"} if worker.api_key else {}


async def read_body(answer: Answer, bytes_max: int) -> bytes:
    """The whole body.  Raises WorkerFailed when it is longer than we are ready to hold."""
    parts, size = [], 0
    async for chunk in answer.chunks():
        size += len(chunk)
        if size > bytes_max:
            raise WorkerFailed(
                f"the worker's answer exceeds {bytes_max} bytes; nothing was charged", work_started=True
            )
        parts.append(chunk)
    return b"".join(parts)
