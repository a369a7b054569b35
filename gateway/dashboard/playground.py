"""The playground: a conversation with a model, paid for by the account, with its cost while it runs.

What is asked goes the way of every request (`inference/pipeline.py`), under a key of the account that is called after whoever
asks: it is made when they first ask, nobody has its secret, and it is in the list of keys like any other, with what it spent
and its caps.  A cap of 0 stops it; once it is revoked, the next question makes another.
"""

from typing import Any

import msgspec
from litestar import Request, Response, asgi, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import ASGIRouteHandler
from litestar.params import FromPath
from litestar.types import Receive, Scope, Send

from gateway.acts.keys import create_key
from gateway.api.client import ClientLeft, client_of
from gateway.api.completions import CLIENT_CLOSED_REQUEST, answer
from gateway.api.edge import refuse
from gateway.api.wiring import TheGateway
from gateway.dashboard.door import TheViewer, around, enter, sent_by_own_script
from gateway.dashboard.render import HEADERS, page
from gateway.errors import MethodNotAllowed, TollwayError
from gateway.inference import preview
from gateway.inference.gateway import Gateway
from gateway.inference.operations import parse_as
from gateway.inference.pipeline import Arrival
from gateway.inference.preview import Estimate
from gateway.inference.trace import Trace
from gateway.keys import store as keys
from gateway.keys.allow import check_address, check_scope, check_time
from gateway.keys.types import Caller
from gateway.kit.clock import now_us
from gateway.kit.log import tell
from gateway.kit.money import format_usd
from gateway.metering.store import find_event
from gateway.people.types import Viewer

KEY_NAME_CHARS_MAX = 200


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """What a request came to, once it is settled: also one that was stopped."""

    outcome: str
    input_tokens: int
    output_tokens: int
    cost_nanousd: int
    cost_usd: str


@get("/accounts/{account_id:str}/playground")
async def show_playground(gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str]) -> Response[str]:
    """The page; `static/playground.js` is what moves in it."""
    account = await enter(gateway, viewer, account_id, "manage_keys")
    served = gateway.workers.served_models()
    models = [model for model in gateway.catalog.book.models if model.chat and model.id in served]
    return page("playground.html.j2", viewer, **around(account, viewer, "Playground"), models=models,
                key_name=key_name(viewer))  # fmt: skip


TheSender = NamedDependency[Viewer]
"""Whoever's own page sent this."""


@post(
    "/accounts/{account_id:str}/playground/estimate",
    status_code=200,
    exception_handlers={TollwayError: refuse},
)
async def estimate(
    gateway: TheGateway, sender: TheSender, request: Request[Any, Any, Any], account_id: FromPath[str]
) -> Estimate:
    """As `/v1/estimate`: nothing runs, nothing is held."""
    await enter(gateway, sender, account_id, "manage_keys")
    return await preview.estimate(gateway, parse_as("chat", await request.body(), "openai"), account_id)


@get("/accounts/{account_id:str}/playground/bill/{request_id:str}", exception_handlers={TollwayError: refuse})
async def get_bill(
    gateway: TheGateway, viewer: TheViewer, account_id: FromPath[str], request_id: FromPath[str]
) -> Response[Bill | None]:
    """Null while it is not settled, and for what is no request of this account."""
    await enter(gateway, viewer, account_id, "manage_keys")
    event = await gateway.database.read(lambda conn: find_event(conn, request_id))
    if event is None or event.account_id != account_id:
        return Response(None, headers=HEADERS, media_type="application/json", status_code=200)
    bill = Bill(
        outcome=event.outcome,
        input_tokens=event.input_tokens,
        output_tokens=event.output_tokens,
        cost_nanousd=event.cost_nanousd,
        cost_usd=format_usd(event.cost_nanousd),
    )
    return Response(bill, headers=HEADERS)


def asking(
    gateway: Gateway, key_secret: bytes, *, body_bytes_max: int, deadline_s: float
) -> ASGIRouteHandler:
    """The route that answers: bare ASGI as `api/completions.py`, because it streams, and ends when its reader leaves.

    The account is in the query, because Litestar looks up the path's parameters of such routes by method and finds none.
    """

    @asgi("/playground/ask", copy_scope=False)
    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        trace = Trace(request_id=scope["state"]["request_id"])
        client = client_of(scope, trace.request_id)
        try:
            if scope.get("method") != "POST":
                raise MethodNotAllowed("the playground answers to POST", allow="POST")
            connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
            viewer = sent_by_own_script(connection)
            account_id = connection.query_params.get("account_id", "")
            account = await enter(gateway, viewer, account_id, "manage_keys")
            caller = await caller_for(gateway, viewer, account.id, key_secret)
            trace.account_id, trace.key_id = caller.account_id, caller.key_id
            _check(caller, scope)
            body = await client.read_body(body_bytes_max)
            arrival = Arrival(caller=caller, body=body, dialect="openai", operation="chat")
            await answer(gateway, arrival, client, trace, deadline_s)
        except TollwayError as error:
            trace.error = error.code
            await client.refuse(error)
        except ClientLeft:
            client.status = CLIENT_CLOSED_REQUEST
        finally:
            trace.status = client.status
            tell("request", trace.fields())

    return ask


def _check(caller: Caller, scope: Scope) -> None:
    """What the edge asks of a key that comes by its secret.  Raises NotAllowed, NotAuthenticated."""
    check_time(caller, now_us())
    check_address(caller, scope["client"][0] if scope["client"] else None)
    check_scope(caller, "chat")


async def caller_for(gateway: Gateway, viewer: Viewer, account_id: str, key_secret: bytes) -> Caller:
    """Who pays: this person's key of the playground, made now if there is none that lives."""
    name = key_name(viewer)
    caller = await _named(gateway, account_id, name)
    if caller is None:
        await gateway.database.write(
            lambda conn: create_key(
                conn, viewer.email, kind="account", account_id=account_id, name=name, key_secret=key_secret
            )
        )
        caller = await _named(gateway, account_id, name)
        assert caller is not None, "made just now"
    return caller


async def _named(gateway: Gateway, account_id: str, name: str) -> Caller | None:
    return await gateway.database.read(lambda conn: keys.find_caller_named(conn, account_id, name))


def key_name(viewer: Viewer) -> str:
    return f"playground, {viewer.email}"[:KEY_NAME_CHARS_MAX]
