"""The HTTP client behind one small interface, so that choosing another is one edit (STYLE section 2.4).

Today httpx: well kept, known, and respx can stand in for the Mistral API in tests.  Issue H measures others.
"""

from collections.abc import AsyncIterator, Mapping

import httpx

from gateway.errors import WorkerFailed, WorkerTimedOut, WorkerUnreachable
from gateway.workers.types import Worker


class Answer:
    """An answer whose head has arrived and whose body is still on its way.  Close it, always."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes.  Raises WorkerFailed when it is cut."""
        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except httpx.HTTPError as error:
            raise WorkerFailed(
                "the worker broke off its answer; nothing was charged", work_started=True
            ) from error

    async def close(self) -> None:
        """Closes the connection unless the body was read to its end: that is how a worker is told to stop."""
        await self._response.aclose()


class HttpClient:
    def __init__(self, *, connect_timeout_s: float, proxy_from_environment: bool = False) -> None:
        self._client = httpx.AsyncClient(
            # Deadlines beyond connecting are the caller's, who knows what it waits for.
            timeout=httpx.Timeout(None, connect=connect_timeout_s),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=512, keepalive_expiry=30.0),
            trust_env=proxy_from_environment,
            follow_redirects=False,
        )

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """Sends a request; returns when the answer's head is here.

        Raises:
            WorkerUnreachable: no connection, so no work was started.
            WorkerFailed: the connection broke before an answer.
        """
        request = self._client.build_request(method, url, headers=dict(headers), content=body)
        try:
            return Answer(await self._client.send(request, stream=True))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise WorkerUnreachable("the worker cannot be reached; nothing was charged, try again") from error
        except httpx.TimeoutException as error:
            raise WorkerTimedOut(
                "the worker did not answer in time; nothing was charged", work_started=True
            ) from error
        except httpx.HTTPError as error:
            raise WorkerFailed(
                "the worker broke the connection before answering; nothing was charged", work_started=True
            ) from error

    async def close(self) -> None:
        await self._client.aclose()


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
