"""`POST /v1/chat/completions`, `/v1/fim/completions`, `/v1/embeddings`: the product.  A bare ASGI handler, because every microsecond here is paid per request."""

import asyncio
from collections.abc import Awaitable, Callable

from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from gateway.api.client import Client, ClientLeft, client_of
from gateway.catalog.types import Operation
from gateway.errors import MethodNotAllowed, TollwayError
from gateway.inference.gateway import Gateway
from gateway.inference.operations import PATHS
from gateway.inference.pipeline import Arrival, run
from gateway.inference.request import MISTRAL_PREFIX, dialect_of
from gateway.inference.trace import Trace
from gateway.keys.types import Caller
from gateway.kit.log import tell

CLIENT_CLOSED_REQUEST = 499
"""For the log only: nginx's word for a client that left."""


Serve = Callable[[Client, Scope, Caller], Awaitable[None]]
"""Answers one request of one operation to this client, for this caller."""


def serving(gateway: Gateway, operation: Operation, *, body_bytes_max: int, deadline_s: float) -> Serve:
    """`deadline_s` ends even a stream whose client reads too slowly."""

    async def serve(client: Client, scope: Scope, caller: Caller) -> None:
        trace = Trace(request_id=client.request_id, account_id=caller.account_id, key_id=caller.key_id)
        try:
            method = str(scope.get("method", ""))
            if method != "POST":
                raise MethodNotAllowed(f"{PATHS[operation]} answers to POST, not {method}", allow="POST")
            body = await client.read_body(body_bytes_max)
            arrival = Arrival(
                caller=caller,
                body=body,
                dialect=dialect_of(client.header(b"user-agent"), scope["path"]),
                operation=operation,
                idempotency_key=client.header(b"idempotency-key"),
            )
            await answer(gateway, arrival, client, trace, deadline_s)
        except TollwayError as error:
            trace.error = error.code
            await client.refuse(error)
        except ClientLeft:
            client.status = CLIENT_CLOSED_REQUEST
        finally:
            trace.status = client.status
            tell("request", trace.fields())

    return serve


def paths_of(operation: Operation) -> list[str]:
    return [PATHS[operation], MISTRAL_PREFIX + PATHS[operation]]


def route(operation: Operation, serve: Serve) -> ASGIRouteHandler:
    """For what does not take the short way of `front.py`: other methods, a query, a slash at the end."""

    @asgi(paths_of(operation), copy_scope=False)
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        state = scope["state"]
        await serve(client_of(scope, state["request_id"]), scope, state["caller"])

    return handle


async def answer(gateway: Gateway, arrival: Arrival, client: Client, trace: Trace, deadline_s: float) -> None:
    """Runs the pipeline until it ends, or the client does."""
    watch = _Watch(deadline_s)
    client.on_gone(watch.end)
    try:
        await run(gateway, arrival, client, trace)
    except asyncio.CancelledError:
        if watch.ended:
            raise ClientLeft from None
        raise
    finally:
        client.on_gone(None)
        watch.stop()


class _Watch:
    """Cancels the task that made it: when its time is over, or when `end` is called."""

    def __init__(self, deadline_s: float) -> None:
        task = asyncio.current_task()
        assert task is not None, "a request is answered in a task"
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(deadline_s, self.end)
        self.ended = False

    def end(self) -> None:
        """Once: a second cancel would reach the settlement that the first one set off."""
        if not self.ended:
            self.ended = True
            self._task.cancel()

    def stop(self) -> None:
        self._timer.cancel()
        if self.ended:
            self._task.uncancel()
