"""The Mistral API as one more worker: which of the catalogue's models it serves and under which names, and its rate limits."""

import time
from collections.abc import Mapping

import msgspec

from gateway.catalog.types import PriceBook
from gateway.workers.types import Cost, Worker

PROVIDER = "mistral"
"""The key in a model's `upstreams`."""
MINUTE_S = 60.0
_LIMITS = ("req", "tokens")


class Limits(msgspec.Struct, frozen=True):
    """What an answer's headers say of our rate limits: seconds until we may ask again, or that our plan lacks the model."""

    pause_s: float = 0.0
    not_in_plan: bool = False


NO_LIMITS = Limits()


def mistral_worker(book: PriceBook, url: str, api_key: str) -> Worker:
    """What it costs us is taken to be the book's list price: for these models that is Mistral's own."""
    return Worker(
        name="mistral",
        url=url.rstrip("/").removesuffix("/v1"),
        kind="mistral",
        models=upstream_names(book),
        api_key=api_key,
        costs={
            model.id: Cost(model.prices.input_max, model.prices.output_max)
            for model in book.models
            if PROVIDER in model.upstreams
        },
    )


def upstream_names(book: PriceBook) -> dict[str, str]:
    """By our id, the names of those of our models that it serves."""
    return {model.id: model.upstreams[PROVIDER] for model in book.models if PROVIDER in model.upstreams}


def read_limits(headers: Mapping[str, str], now: float) -> Limits:
    """From `x-ratelimit-{limit,remaining}-{req,tokens}-minute`, in lower case (MISTRAL.md section 7).  `now`: unix seconds.

    A limit of 0 is a model that the plan does not have: it will answer 429 for ever.  Nothing remaining: its windows are
    minutes, so we ask again in the next one.
    """
    limits = [_count(headers, f"x-ratelimit-limit-{name}-minute") for name in _LIMITS]
    left = [_count(headers, f"x-ratelimit-remaining-{name}-minute") for name in _LIMITS]
    if 0 in limits:
        return Limits(not_in_plan=True)
    return Limits(pause_s=MINUTE_S - now % MINUTE_S) if 0 in left else NO_LIMITS


def limits_now(headers: Mapping[str, str]) -> Limits:
    return read_limits(headers, time.time())


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else None
