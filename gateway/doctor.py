"""What is wrong with an installation, in the order in which it would hurt."""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec

from gateway.billing.border import WEBHOOK_PATH, is_live
from gateway.billing.stripe_objects import WebhookEndpoint
from gateway.catalog.read_toml import PriceBookError
from gateway.catalog.snapshot import Catalog
from gateway.errors import BadRequest, MailNotSent, PaymentsUnavailable, StripeRefused, WorkerFailed
from gateway.kit import schema
from gateway.mail import Mailer
from gateway.mail.read_url import read_url
from gateway.oidc.provider import Provider
from gateway.oidc.types import Client, ProviderFailed
from gateway.settings import Settings, SettingsError, WorkerSettings
from gateway.start import price_book
from gateway.workers import embedded
from gateway.workers.discover import list_mistral_models
from gateway.workers.mistral import mistral_worker

TIMEOUT_S = 5.0


class Finding(msgspec.Struct, frozen=True):
    """`what` says, when something is not fine, also how to mend it."""

    fine: bool
    what: str


def examine(read_settings: Callable[[], Settings]) -> list[Finding]:
    try:
        settings = read_settings()
    except SettingsError as error:
        return [Finding(fine=False, what=f"settings: {error}")]
    findings = [Finding(fine=True, what="settings: valid"), _data_dir(settings.data_dir), _database(settings)]
    try:
        catalog = Catalog(price_book(settings))
    except PriceBookError as error:
        return [*findings, Finding(fine=False, what=f"price book: {error}")]
    findings.append(
        Finding(
            fine=True, what=f"price book: version {catalog.book.version}, {len(catalog.book.models)} models"
        )
    )
    findings += [_worker(worker, catalog) for worker in settings.workers]
    if settings.wants_embedded:
        findings.append(_embedded())
    if settings.mistral_api_key:
        findings.append(_mistral(settings, catalog))
    if settings.smtp_url:
        findings.append(_mail(settings))
    if settings.oidc_issuer:
        findings.append(_provider(settings))
    findings.append(_payments(settings))
    return findings


def _data_dir(path: Path) -> Finding:
    if not path.exists():
        return Finding(fine=True, what=f"data directory: {path} will be made at the first start")
    if not os.access(path, os.W_OK):
        return Finding(
            fine=False, what=f"data directory: {path} cannot be written; chown it, or choose --data-dir"
        )
    secret = path / "key_secret"
    if secret.exists() and stat.S_IMODE(secret.stat().st_mode) & 0o077:
        return Finding(fine=False, what=f"data directory: others can read {secret}; run chmod 600 {secret}")
    return Finding(fine=True, what=f"data directory: {path}")


def _database(settings: Settings) -> Finding:
    if settings.database.startswith("sqlite") and not (settings.data_dir / "tollway.db").exists():
        return Finding(fine=True, what="database: a SQLite file will be made at the first start")
    try:
        revision, newest = schema.current(settings.database), schema.head()
    except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
        reason = str(error).splitlines()[0]
        return Finding(fine=False, what=f"database: cannot be reached ({reason}); check database_url")
    if revision != newest:
        return Finding(
            fine=False,
            what=f"database: schema revision {revision}, needed {newest}; run `tollway-gateway migrate`",
        )
    return Finding(fine=True, what=f"database: schema revision {revision}")


def _worker(worker: WorkerSettings, catalog: Catalog) -> Finding:
    headers = {"authorization": f"Bearer {worker.api_key}"} if worker.api_key else {}
    try:
        answer = httpx.get(f"{worker.url}/v1/models", headers=headers, timeout=TIMEOUT_S, trust_env=False)
        answer.raise_for_status()
        offered = [card["id"] for card in answer.json()["data"]]
    except httpx.HTTPStatusError as error:
        mend = "; set its api_key" if error.response.status_code in (401, 403) else ""
        return Finding(
            fine=False, what=f"worker {worker.url}: /v1/models answers {error.response.status_code}{mend}"
        )
    except httpx.HTTPError as error:
        return Finding(
            fine=False, what=f"worker {worker.url}: no answer ({type(error).__name__}); is it running there?"
        )
    except (ValueError, KeyError, TypeError):
        return Finding(
            fine=False,
            what=f"worker {worker.url}: /v1/models is not a list of models; is it OpenAI-compatible?",
        )
    priced = [name for name in worker.models or offered if catalog.find(name)]
    if not priced:
        return Finding(
            fine=False,
            what=f"worker {worker.url}: offers {', '.join(offered) or 'nothing'}, none of which has a price;"
            " map a priced model to it in [[workers]] models, or add it to the price book",
        )
    return Finding(fine=True, what=f"worker {worker.url}: serves {', '.join(priced)}")


def _mistral(settings: Settings, catalog: Catalog) -> Finding:
    """Asks it: whether it takes the key, and which of our models it still has."""
    worker = mistral_worker(catalog.book, settings.mistral_url, settings.mistral_api_key)
    try:
        offered = {card.id for card in asyncio.run(list_mistral_models(worker))}
    except WorkerFailed as error:
        mend = "; check mistral_api_key" if error.code == "worker_denied" else ""
        return Finding(fine=False, what=f"Mistral API: {error.message}{mend}")
    served = sorted(model for model, name in worker.models.items() if name in offered)
    return Finding(
        fine=True, what=f"Mistral API: the key works; serves {', '.join(served) or 'none of ours'}"
    )


def _mail(settings: Settings) -> Finding:
    """Connects and signs in; sends nothing."""
    try:
        server = read_url(settings.smtp_url)
        asyncio.run(Mailer(server, settings.mail_from).check())
    except (BadRequest, MailNotSent) as error:
        return Finding(fine=False, what=f"mail: {error.message}; check smtp_url")
    return Finding(fine=True, what=f"mail: {server.host}:{server.port} takes mails")


def _provider(settings: Settings) -> Finding:
    """Reads what it says about itself, and asks whether it knows this gateway."""
    client = Client(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        redirect_uri=f"{settings.public_url.rstrip('/')}/dashboard/sign-in/oidc/callback",
    )

    async def check() -> None:
        provider = Provider(client)
        try:
            await provider.check()
        finally:
            await provider.close()

    try:
        asyncio.run(check())
    except ProviderFailed as error:
        return Finding(fine=False, what=f"sign-in at {client.issuer}: {error.message}; check oidc_issuer")
    what = f"sign-in at {client.issuer}: it knows this gateway; its redirect URI is {client.redirect_uri}"
    return Finding(fine=True, what=what)


def _payments(settings: Settings) -> Finding:
    """Asks Stripe for the endpoint of its webhooks; changes nothing there."""
    if not settings.stripe_api_key:
        return Finding(fine=True, what="payments: off; set stripe_api_key to take cards and send invoices")
    for name in ("public_url", "stripe_webhook_secret"):
        if not getattr(settings, name):
            mend = "" if name == "public_url" else "; `tollway-gateway stripe sync --apply` prints it"
            return Finding(
                fine=False, what=f"payments: {name} is not set, and no payment would be credited{mend}"
            )
    from gateway.billing.stripe_api import StripeApi  # noqa: PLC0415 - for those who have a key

    async def ask() -> list[WebhookEndpoint]:
        api = StripeApi(settings.stripe_api_key, url=settings.stripe_url, timeout_s=TIMEOUT_S)
        try:
            return await api.listed(api.v1.webhook_endpoints.list_async, WebhookEndpoint)
        finally:
            await api.close()

    url = settings.public_url.rstrip("/") + WEBHOOK_PATH
    try:
        known = {each.url for each in asyncio.run(ask()) if each.status == "enabled"}
    except (PaymentsUnavailable, StripeRefused) as error:
        return Finding(fine=False, what=f"payments: {error.message}; check stripe_api_key")
    if url not in known:
        return Finding(
            fine=False, what=f"payments: Stripe does not post to {url}; run `tollway-gateway stripe sync`"
        )
    mode = "live" if is_live(settings.stripe_api_key) else "test"
    return Finding(fine=True, what=f"payments: Stripe takes the key, in {mode} mode, and posts to {url}")


def _embedded() -> Finding:
    reason = embedded.available()
    if reason is not None:
        return Finding(fine=False, what=f"embedded worker: {reason}")
    return Finding(fine=True, what="embedded worker: installed")
