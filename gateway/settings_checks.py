"""Which settings do not go together, and what is wrong with one: by subject, for settings.py."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.settings import Settings


def require(condition: bool, name: str, problem: str) -> None:
    if not condition:
        raise ValueError(f"`{name}` {problem}")


def check_mail(settings: "Settings") -> None:
    origin = re.fullmatch(r"https?://[^/?#@\s]+/?", settings.public_url)
    require(
        not settings.public_url or origin is not None,
        "public_url",
        "is an address without a path, like https://llm.example.com",
    )
    if settings.smtp_url:
        require("@" in settings.mail_from, "mail_from", "must be set with `smtp_url`: an address of yours")
        require(settings.mail_from.isprintable(), "mail_from", "is one line, like Tollway <t@example.com>")
        require(bool(settings.public_url), "public_url", "must be set with `smtp_url`: mails link to it")


def check_stripe(settings: "Settings") -> None:
    key = settings.stripe_api_key
    require(
        not key or re.fullmatch(r"[sr]k_(test|live)_\w+", key) is not None,
        "stripe_api_key",
        "begins with sk_live_ or sk_test_ (or rk_…): a secret key, never a publishable one",
    )
    for secret in settings.stripe_webhook_secret.split():
        require(secret.startswith("whsec_"), "stripe_webhook_secret", "begins with whsec_")
    require(
        not settings.stripe_url or not key.partition("_")[2].startswith("live"),
        "stripe_url",
        "is for tests: a live key is sent to Stripe alone",
    )


def check_oidc(settings: "Settings") -> None:
    if not settings.oidc_issuer:
        return
    here = re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$)", settings.oidc_issuer)
    require(
        settings.oidc_issuer.startswith("https://") or here is not None,
        "oidc_issuer",
        "is the https:// address that the provider calls itself by",
    )
    require(bool(settings.oidc_client_id), "oidc_client_id", "must be set with `oidc_issuer`")
    require(bool(settings.public_url), "public_url", "must be set with `oidc_issuer`: people come back to it")
    for domain in settings.oidc_domains:
        require(re.fullmatch(r"[a-z0-9.-]+", domain) is not None, "oidc_domains", "has names like acme.com")
