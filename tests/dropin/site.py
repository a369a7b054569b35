"""The one gateway that every client is pointed at, and the workers behind it: two real ones, and two that are told what to do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from gateway.metering.types import UsageEvent
from gateway.workers.embedded import EmbeddedWorker
from tests.dropin.actor import Actor, MistralActor
from tests.fixtures.offering import offering
from tests.fixtures.running import RunningGateway, eventually
from tests.fixtures.tiny_model import tiny_model

REAL = "smollm2-135m"
"""A real llama.cpp with a real model: answers, structured output, vectors."""
CODE = "tiny-code"
"""A real llama.cpp with Mistral's vocabulary: fills in the middle."""
TOLD = "magistral-small-2509"
"""Spells like vLLM, and does what it is told."""
API = "mistral-small-2603"
"""The same, spelled like the Mistral API."""
BUSY, FLAKY, SILENT, BREAKING = "busy", "flaky", "silent", "breaking"
"""Told as well.  The gateway remembers for a while which model is busy where and which worker broke: each has its own."""

PRICE_IN, PRICE_OUT = 200, 600
"""Nano-dollars a token, of all that are told what to do."""

_MORE = """
[[models]]
id = "{id}"
description = "For the tests of clients."
owned_by = "tollway"
created = 1
context_tokens = 8192
{more}
usd_per_mtok = {{ input = "0.20", output = "0.60" }}
"""


class Site:
    """Accounts and ledger are the gateway's (`tests/fixtures/running.py`)."""

    def __init__(self, gateway: RunningGateway, real: EmbeddedWorker, told: Actor, api: MistralActor) -> None:
        self.gateway, self.told, self.api = gateway, told, api
        self._real = real

    @property
    def url(self) -> str:
        return self.gateway.url

    def only_event(self, account: str) -> UsageEvent:
        """The account's one request, once all is settled: whatever else a client sent was never begun."""
        eventually(lambda: self.gateway.events(account), "the event")
        self.gateway.settled_up(account)
        (event,) = self.gateway.events(account)
        return event

    def real_slots(self) -> list[dict[str, Any]]:
        """llama.cpp's own view of what it is doing."""
        return list(httpx.get(f"{self._real.url}/slots", trust_env=False).json())

    def real_stopped_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while any(slot["is_processing"] for slot in self.real_slots()):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    options = {
        "price_book": _price_book(folder),
        "first_byte_timeout_s": 30.0,
        "chunk_gap_s_max": 10.0,
        "queue_wait_s": 0.2,  # who has no free worker says so, and the client's own retries come into play
        "stream_hold_tokens": 64,
        "mistral_api_key": "a-key",
    }
    with (
        EmbeddedWorker(None, REAL, 0, "--embeddings") as real,
        EmbeddedWorker(tiny_model("v13").path, CODE) as code,
        Actor((TOLD, BUSY, FLAKY, SILENT)) as told,
        Actor((BREAKING,)) as breaking,
        MistralActor((API,)) as api,
        RunningGateway(
            folder, real.url, code.url, told.url, breaking.url, mistral_url=api.url, **options
        ) as gateway,
    ):
        yield Site(gateway, real, told, api)  # type: ignore[arg-type]


def _price_book(folder: Path) -> Path:
    path = offering(folder)
    tekken = 'tokenizer = "tekken-v13"\nfim = true'
    more = {CODE: tekken} | dict.fromkeys((BUSY, FLAKY, SILENT, BREAKING), 'tokenizer = "worker"')
    rows = "".join(_MORE.format(id=name, more=fields) for name, fields in more.items())
    path.write_text(path.read_text("utf-8") + rows, "utf-8")
    return path
