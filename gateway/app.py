"""`build(settings)`: the only place where objects are wired together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from itertools import chain
from typing import Any, TypeVar

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import Scope

from gateway.alerts.deliver import new_courier
from gateway.api.completions import paths_of, route, serving
from gateway.api.edge import Authenticate, refuse, refuse_http, refuse_unexpected
from gateway.api.filters import selection
from gateway.api.front import Front
from gateway.api.log import lines
from gateway.api.openapi.serve import get_document
from gateway.api.routes import ROUTES
from gateway.billing.border import Border, Stripe
from gateway.billing.store import keep_mode
from gateway.catalog.snapshot import Catalog
from gateway.catalog.store import from_now_on
from gateway.catalog.types import OPERATIONS
from gateway.configure import routing, workers_of
from gateway.dashboard.by_oidc import CALLBACK
from gateway.dashboard.playground import asking
from gateway.dashboard.routes import router as pages
from gateway.dashboard.session import SignedIn
from gateway.dashboard.ways import Ways
from gateway.errors import BadRequest, TollwayError
from gateway.inference.audit import Audits
from gateway.inference.drains import Drains
from gateway.inference.gateway import Gateway
from gateway.inference.measure import Measure
from gateway.jobs.alerting import alerting
from gateway.jobs.collecting import collecting
from gateway.jobs.refresh_prices import refresh_prices
from gateway.jobs.refresh_workers import refresh_workers
from gateway.jobs.roll_up import roll_up
from gateway.jobs.sweep import sweep
from gateway.jobs.tend_leases import tend_leases
from gateway.keys.find import KeyFinder
from gateway.keys.types import Caller
from gateway.kit.clock import SECOND_US, now_us
from gateway.kit.db import Database
from gateway.limits.admit import RETRY_S as LIMITS_RETRY_S
from gateway.limits.admit import Limiter
from gateway.limits.types import Limits
from gateway.mail import Mailer
from gateway.mail.read_url import read_url
from gateway.metering.writer import Writer
from gateway.oidc.provider import Provider
from gateway.oidc.types import Client
from gateway.people.find import ViewerFinder
from gateway.rollups.recent import Recent
from gateway.settings import CLAIM_MARGIN_S, Settings, SettingsError
from gateway.start import key_secret
from gateway.tokens.open import open_vocabulary
from gateway.workers.budget import RETRY_RESERVE, RETRY_SHARE, Budget
from gateway.workers.hedge import Hedging
from gateway.workers.http import HttpClient
from gateway.workers.probe import probe_workers
from gateway.workers.registry import Registry
from gateway.workers.router import Router
from gateway.workers.types import Timeouts
from gateway.workers.wire import WireClient

T = TypeVar("T")


def build(settings: Settings, client: HttpClient | None = None) -> Litestar:
    """The application, on a database that `start.prepare` has brought up to date.  `client`: another one, for tests."""
    database = Database(settings.database)
    catalog = Catalog(*database.read_now(lambda conn: from_now_on(conn, now_us())))
    for model in catalog.book.models:
        if model.counted_here:
            open_vocabulary(model.tokenizer)  # a tokenizer that is none stops the start, not the first bill
    client = client or WireClient(connect_timeout_s=settings.connect_timeout_s)
    registry = Registry(workers_of(settings, catalog), catalog, client)
    gateway = _gateway(settings, database, catalog, registry, client)
    secret = key_secret(settings)
    finder = KeyFinder(database, secret, settings.key_cache_s)
    viewers = ViewerFinder(database)
    ways = ways_of(settings)
    stripe = stripe_of(settings, database)
    courier = new_courier(
        database, ways.mailer, secret, settings.public_url, private_targets=settings.webhook_private_targets
    )
    bounds: Any = {
        "body_bytes_max": settings.body_bytes_max,
        "deadline_s": settings.request_deadline_s + CLAIM_MARGIN_S / 2,
    }
    serves = {operation: serving(gateway, operation, **bounds) for operation in OPERATIONS}
    return Front(
        finder,
        {path: serve for operation, serve in serves.items() for path in paths_of(operation)},
        route_handlers=[
            *(route(operation, serve) for operation, serve in serves.items()),
            *chain.from_iterable(ROUTES.values()),
            get_document,
            pages(asking(gateway, secret, **bounds)),
        ],
        middleware=[Authenticate(finder, settings.join_token), SignedIn(viewers)],
        dependencies={
            **_given(
                stripe=stripe,
                gateway=gateway,
                finder=finder,
                key_secret=secret,
                viewers=viewers,
                ways=ways,
                courier=courier,
            ),
            "caller": Provide(_caller, sync_to_thread=False),
            "selection": Provide(selection, sync_to_thread=False),
            "lines": Provide(lines, sync_to_thread=False),
        },
        exception_handlers={TollwayError: refuse, HTTPException: refuse_http, Exception: refuse_unexpected},
        lifespan=[
            lambda _app: _running(gateway, settings.lease_idle_s),
            lambda _app: _closing(ways),
            lambda _app: alerting(database, courier),
            lambda _app: collecting(stripe),
        ],
        openapi_config=None,  # api/openapi/ draws a better one
        request_max_body_size=settings.body_bytes_max,
        logging_config=None,  # kit/log.py; a library's logger must not write prompts or URLs into ours
    )


def _gateway(
    settings: Settings, database: Database, catalog: Catalog, registry: Registry, client: HttpClient
) -> Gateway:
    """What every request is served with."""
    measure = Measure()
    return Gateway(
        database=database,
        catalog=catalog,
        workers=registry,
        router=Router(registry, client, routing(settings)),
        retries=Budget(RETRY_SHARE, RETRY_RESERVE),
        hedging=Hedging(settings.hedge_share) if settings.hedge_share else None,
        client=client,
        timeouts=Timeouts(
            first_byte_s=settings.first_byte_timeout_s,
            chunk_gap_s=settings.chunk_gap_s_max,
            request_s=settings.request_deadline_s,
        ),
        measure=measure,
        audits=Audits(settings.audit_share, database, measure),
        drains=Drains(),
        writer=Writer(database, lease_ttl_us=int(settings.lease_ttl_s * SECOND_US)),
        limits=Limiter(
            Database(settings.database, retry_s=LIMITS_RETRY_S),
            default_limits(settings),
            ttl_us=int(settings.lease_ttl_s * SECOND_US),
        ),
        stream_hold_tokens=settings.stream_hold_tokens,
        claim_ttl_s=settings.request_deadline_s + CLAIM_MARGIN_S,
        idempotency_ttl_s=settings.idempotency_ttl_s,
    )


def default_limits(settings: Settings) -> Limits:
    """Of accounts that have none of their own."""
    return Limits(
        requests_per_minute=settings.limit_requests_per_minute,
        input_tokens_per_minute=settings.limit_input_tokens_per_minute,
        output_tokens_per_minute=settings.limit_output_tokens_per_minute,
        concurrency=settings.limit_concurrency,
    )


def mailer_of(settings: Settings) -> Mailer:
    """Raises SettingsError: `smtp_url` cannot be read."""
    try:
        return Mailer(read_url(settings.smtp_url) if settings.smtp_url else None, settings.mail_from)
    except BadRequest as error:
        raise SettingsError(error.message) from error


def ways_of(settings: Settings) -> Ways:
    """Raises SettingsError."""
    return Ways(
        public_url=settings.public_url.rstrip("/"),
        mailer=mailer_of(settings),
        provider=Provider(oidc_client(settings)) if settings.oidc_issuer else None,
        oidc_name=settings.oidc_name,
        oidc_domains=settings.oidc_domains,
    )


def stripe_of(settings: Settings, database: Database) -> Stripe:
    """The border to Stripe, if there is one.

    Raises:
        SettingsError: this ledger has seen the other mode; real money and made-up money do not mix.
    """
    if not settings.stripe_api_key:
        return Stripe(None)
    from gateway.billing.stripe_api import StripeApi  # noqa: PLC0415 - half a second and 40 MB, for those who have a key

    api = StripeApi(settings.stripe_api_key, url=settings.stripe_url)
    if database.write_now(lambda conn: keep_mode(conn, api.livemode, now_us())) != api.livemode:
        raise SettingsError(
            "`stripe_api_key` is of Stripe's other mode than this ledger was begun with (test or live); use another database"
        )
    return Stripe(
        Border(
            database=database,
            api=api,
            webhook_secrets=tuple(settings.stripe_webhook_secret.split()),
            public_url=settings.public_url,
            sink=settings.stripe_sink,
            tax=settings.stripe_tax,
        )
    )


def oidc_client(settings: Settings) -> Client:
    """As the provider knows this gateway."""
    return Client(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        redirect_uri=settings.public_url.rstrip("/") + CALLBACK,
    )


@contextlib.asynccontextmanager
async def _closing(ways: Ways) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await ways.mailer.close()
        if ways.provider is not None:
            await ways.provider.close()


@contextlib.asynccontextmanager
async def _running(gateway: Gateway, lease_idle_s: float) -> AsyncIterator[None]:
    """What runs beside the requests; it ends with the application, and the ledger is closed last."""
    await gateway.workers.discover()
    served = gateway.workers.served_models()
    gateway.measure.open([model for model in gateway.catalog.book.models if model.id in served])
    recent = Recent()
    gateway.writer.told = recent.note
    beside = (
        gateway.workers.watch(),
        gateway.router.watch(),
        gateway.router.gauges.watch(),
        probe_workers(gateway.router, gateway.client),
        gateway.audits.run(),
        tend_leases(gateway.writer, gateway.limits, lease_idle_s),
        sweep(gateway.database),
        roll_up(gateway.database, recent),
        refresh_prices(gateway.database, gateway.catalog, gateway.workers),
        refresh_workers(gateway.database, gateway.workers),
    )
    tasks = [asyncio.create_task(work) for work in beside]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await gateway.drains.close()
        await gateway.limits.close()
        await gateway.writer.close()
        await gateway.client.close()
        gateway.measure.close()
        gateway.database.close()


def _given(**values: object) -> dict[str, Provide]:
    """What there is one of, for handlers that ask for it by name."""
    return {name: Provide(_constant(value), sync_to_thread=False) for name, value in values.items()}


def _constant(value: T) -> Callable[[], T]:
    def provide() -> T:
        return value

    provide.__annotations__["return"] = type(value)
    return provide


def _caller(scope: Scope) -> Caller:
    caller: Caller = scope["state"]["caller"]
    return caller
