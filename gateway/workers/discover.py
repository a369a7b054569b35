"""Ask a worker what it is and what it serves: `/v1/models`, in every server's own dress; the Mistral API by its own SDK."""

import asyncio
from typing import Any

import httpx
import msgspec

from gateway.errors import WorkerFailed
from gateway.workers.http import HttpClient, authorization, read_body
from gateway.workers.types import Kind, Worker

LIST_TIMEOUT_S = 5.0
LIST_BYTES_MAX = 4 * 2**20

_OWNERS: dict[str, Kind] = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llamacpp", "library": "ollama"}
"""`owned_by` in `/v1/models`, by which servers give themselves away (MISTRAL.md section 6)."""


class _Meta(msgspec.Struct):
    n_ctx: int | None = None


class _Architecture(msgspec.Struct):
    input_modalities: list[str] | None = None


class Card(msgspec.Struct):
    """One model as a server lists it.  Context: vLLM and SGLang say `max_model_len`, llama.cpp `meta.n_ctx`."""

    id: str
    owned_by: str = ""
    max_model_len: int | None = None
    meta: _Meta | None = None
    architecture: _Architecture | None = None

    @property
    def kind(self) -> Kind | None:
        return _OWNERS.get(self.owned_by)

    @property
    def context_tokens(self) -> int | None:
        return self.max_model_len or (self.meta.n_ctx if self.meta else None)

    @property
    def is_blind(self) -> bool:
        """It says what goes in, and images do not."""
        modalities = self.architecture.input_modalities if self.architecture else None
        return modalities is not None and "image" not in modalities


class _Cards(msgspec.Struct):
    data: list[Card] = []


async def list_models(client: HttpClient, worker: Worker) -> list[Card]:
    """Raises WorkerFailed: no answer in time, or none that can be used."""
    try:
        return await _list(client, worker)
    except msgspec.DecodeError as error:
        raise WorkerFailed(f"/v1/models cannot be read: {error}") from error


async def _list(client: HttpClient, worker: Worker) -> list[Card]:
    url = f"{worker.url}/v1/models"
    answer = await client.send("GET", url, authorization(worker), within_s=LIST_TIMEOUT_S)
    try:
        if answer.status != 200:
            raise WorkerFailed(f"/v1/models answered {answer.status}")
        return msgspec.json.decode(await read_body(answer, LIST_BYTES_MAX, LIST_TIMEOUT_S), type=_Cards).data
    finally:
        answer.close()


async def list_mistral_models(worker: Worker) -> list[Card]:
    """What the account behind our key may use at the Mistral API today: which models, or that the key is refused.

    By its SDK, given an httpx client as everywhere here.  Imported on first use and beside the event loop: it takes half a
    second and 40 MB, which only those pay who use the Mistral API.

    Raises:
        WorkerFailed: it cannot be reached, or refuses the key (code `worker_denied`).
    """
    mistral: Any = await asyncio.to_thread(_sdk)
    async with httpx.AsyncClient(timeout=LIST_TIMEOUT_S, follow_redirects=True) as http:
        client = mistral(api_key=worker.api_key, server_url=worker.url, async_client=http)
        try:
            answer = await client.models.list_async()
        except Exception as error:  # the SDK's tree has no common root with its transport's errors
            status = getattr(error, "status_code", None)
            if status in (401, 403):
                raise WorkerFailed("the Mistral API refuses this key", code="worker_denied") from error
            raise WorkerFailed(f"the Mistral API cannot be asked for its models: {error}") from error
    return [
        Card(id=card.id, max_model_len=getattr(card, "max_context_length", None))
        for card in answer.data or []
        if getattr(card, "id", None)
    ]


def _sdk() -> Any:
    from mistralai.client import Mistral  # noqa: PLC0415 - heavy, and needed by few

    return Mistral
