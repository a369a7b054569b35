"""What the rest of this room knows of HTTP: two interfaces, and two clients behind them.

`wire.py` relays in production: httpx took more CPU than everything else together (ADR 0014).  `httpx_client.py` is its
twin for tests, because respx can stand in for the Mistral API over it.
"""

import time
from collections.abc import Mapping
from typing import Protocol

from gateway.errors import WorkerFailed, WorkerTimedOut, WorkerUnreachable
from gateway.workers.types import Worker

UNREACHABLE = "the worker cannot be reached; nothing was charged, try again"
BROKEN_BEFORE = "the worker broke the connection before answering; nothing was charged"
BROKEN_OFF = "the worker broke off its answer; nothing was charged"


class Answer(Protocol):
    """An answer whose head has arrived and whose body is still on its way.  Close it, always."""

    status: int
    headers: Mapping[str, str]
    """By lower-case names."""

    async def read(self, within_s: float) -> bytes:
        """The next piece of the body as it comes; empty at its end.  A cancelled call loses nothing.

        Raises:
            WorkerTimedOut: none came for so many seconds.
            WorkerFailed: it was cut.
        """
        ...

    def close(self) -> None:
        """Closes the connection unless the body came whole: that is how a worker is told to stop.  Again: does nothing."""
        ...


class HttpClient(Protocol):
    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, *, within_s: float
    ) -> Answer:
        """Sends a request; returns when the answer's head is here.  Redirects are not followed.

        Raises:
            WorkerUnreachable: no connection, so no work was started.
            WorkerTimedOut: no head for so many seconds.
            WorkerFailed: the connection broke before an answer.
        """
        ...

    async def close(self) -> None: ...


def unreachable() -> WorkerUnreachable:
    return WorkerUnreachable(UNREACHABLE)


def silent(seconds: float) -> WorkerTimedOut:
    return WorkerTimedOut(
        f"the worker was silent for {max(seconds, 0):.3g} s; nothing was charged", work_started=True
    )


def broken(what: str) -> WorkerFailed:
    return WorkerFailed(what, work_started=True)


def authorization(worker: Worker) -> dict[str, str]:
    return {"authorization": f"Bearer {worker.api_key}"} if worker.api_key else {}


async def read_body(answer: Answer, bytes_max: int, within_s: float) -> bytes:
    """The whole body.

    Raises:
        WorkerFailed: it was cut, or is longer than we are ready to hold.
        WorkerTimedOut: it did not end within so many seconds.
    """
    parts, size, ends = [], 0, time.monotonic() + within_s
    while piece := await answer.read(ends - time.monotonic()):
        size += len(piece)
        if size > bytes_max:
            raise broken(f"the worker's answer exceeds {bytes_max} bytes; nothing was charged")
        parts.append(piece)
    return parts[0] if len(parts) == 1 else b"".join(parts)
