"""Every lie that must not open a door: forged, used, old, mixed up, or meant for somebody else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gateway.kit.clock import SECOND_US, now_us
from gateway.oidc import attempt as attempts
from gateway.start import key_secret
from tests.dashboard.browsing import Browser
from tests.fixtures.identity import CLIENT_ID, IdentityProvider
from tests.fixtures.running import RunningGateway
from tests.oidc.way import START, go, refused

Name = Callable[[], str]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"nonce": "of somebody else"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another program"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": [CLIENT_ID, "another program"]}, "meant for another program"),
        ({"azp": "another program"}, "meant for another program"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"exp": timedelta(minutes=-2)}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "never"}, "exp"),
        ({"iat": timedelta(minutes=15)}, "future"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 256}, "names nobody"),
        ({"email_verified": False}, "not verified your e-mail"),
        ({"email": "x@y", "email_verified": None}, "not verified your e-mail"),
        ({"email_verified": "true"}, "does not fit"),
        ({"email": None}, "does not say your e-mail"),
        ({"email": "per_1"}, "has to invite"),
    ],
)
def test_a_token_of_which_something_does_not_fit(
    browser: Browser, provider: IdentityProvider, email: str, changes: dict[str, Any], says: str
) -> None:
    provider.changes = changes
    refused(browser.get(go(browser)), says)


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_a_token_that_anybody_could_have_signed(
    browser: Browser, provider: IdentityProvider, email: str, alg: str
) -> None:
    provider.alg = alg
    refused(browser.get(go(browser)), "does not fit")


def test_a_token_signed_with_a_strangers_key(
    browser: Browser, provider: IdentityProvider, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the provider's own key's name."""
    published, name = provider.keys(), provider.key.kid
    provider.rotate()
    provider.key = type(provider.key).import_key({**provider.key.as_dict(private=True), "kid": name})
    monkeypatch.setattr(provider, "keys", lambda: published)
    refused(browser.get(go(browser)), "not signed with a key of its own")


def test_an_answer_belongs_to_the_browser_that_asked(
    gateway: RunningGateway, browser: Browser, email: str
) -> None:
    """Otherwise somebody could sign others in as themselves, and read what they do."""
    back = go(browser)
    with Browser(gateway) as victim:
        refused(victim.get(back), "began in another browser")
        go(victim)
        refused(victim.get(back), "began in another browser")
        code = parse_qs(urlsplit(back).query)["code"][0]
        mine = parse_qs(urlsplit(go(victim)).query)["state"][0]
        refused(victim.get(f"{START}/callback", params={"code": code, "state": mine}), "start again")
    refused(browser.get(f"{START}/callback", params={"code": code}), "start again")
    refused(browser.get(f"{START}/callback"), "start again")


def test_a_code_is_used_once(gateway: RunningGateway, browser: Browser, email: str) -> None:
    back = go(browser)
    way = httpx.Cookies(browser.cookies)
    assert browser.get(back).status_code == 303
    with httpx.Client(base_url=gateway.url, cookies=way, trust_env=False) as thief:
        refused(thief.get(back), "was used already")


def test_the_cookie_of_the_way_cannot_be_made_or_kept(
    gateway: RunningGateway, browser: Browser, email: str
) -> None:
    secret, now = key_secret(gateway.settings), now_us()
    made = attempts.begin("/dashboard", now)
    sealed = attempts.seal(made, secret)
    assert attempts.unseal(sealed, secret, now) == made
    assert attempts.unseal(sealed, b"another", now) is None
    assert attempts.unseal("x" + sealed, secret, now) is None
    assert attempts.unseal("", secret, now) is None
    assert attempts.unseal(sealed, secret, now + attempts.TTL_S * SECOND_US) is None
    back = go(browser)
    browser.cookies.set("tollway-oidc", browser.cookies["tollway-oidc"][:-1], domain="127.0.0.1", path="/")
    assert browser.get(back).status_code == 401


@pytest.mark.parametrize("away", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_nobody_is_led_elsewhere(browser: Browser, email: str, away: str) -> None:
    assert browser.get(go(browser, away)).headers["location"] == "/dashboard"


def test_an_answer_of_another_provider(browser: Browser, provider: IdentityProvider, email: str) -> None:
    """RFC 9207: whoever mixes two providers up hands one's code to the other."""
    refused(browser.get(go(browser) + "&iss=https://evil.example"), "came from another provider")
    assert browser.get(go(browser) + f"&iss={provider.issuer}").status_code == 303
