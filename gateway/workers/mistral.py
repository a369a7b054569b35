"""The Mistral API as one more worker: which of the catalogue's models it serves, under which names."""

from gateway.catalog.types import PriceBook
from gateway.workers.types import Worker

PROVIDER = "mistral"
"""The key in a model's `upstreams`."""


def mistral_worker(book: PriceBook, url: str, api_key: str) -> Worker:
    models = {model.id: model.upstreams[PROVIDER] for model in book.models if PROVIDER in model.upstreams}
    return Worker(
        name="mistral",
        url=url.rstrip("/").removesuffix("/v1"),
        kind="mistral",
        models=models,
        api_key=api_key,
    )
