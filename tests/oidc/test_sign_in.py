"""Signing in at a provider that runs beside the test: who gets in, and what is said to those who do not."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.kit.clock import now_us
from gateway.people import store
from gateway.people.types import Lines
from tests.cli.test_cli import Run, run
from tests.dashboard.browsing import Browser
from tests.fixtures.identity import IdentityProvider
from tests.fixtures.running import RunningGateway, eventually, free_port
from tests.fixtures.scripted import ScriptedWorker
from tests.oidc.way import START, go, refused

__all__ = ["run"]
Name = Callable[[], str]


def test_somebody_who_is_known_signs_in(gateway: RunningGateway, browser: Browser, email: str) -> None:
    assert "Sign in with Acme" in browser.page("/dashboard/sign-in")
    back = browser.get(go(browser, "/dashboard/sign-out"))
    assert (back.status_code, back.headers["location"]) == (303, "/dashboard/sign-out")
    assert email in browser.page("/dashboard/sessions")
    assert "tollway-oidc" not in browser.cookies, "what was for the way is gone"
    log = gateway.database.read_now(lambda conn: store.list_entries(conn, Lines(), limit=2))
    assert [(each.action, each.actor) for each in log] == [("session.begin", email), ("identity.link", email)]
    assert '"by":"oidc"' in str(log[0].after)


def test_what_is_asked_of_the_provider(browser: Browser, email: str) -> None:
    first, second = (parse_qs(urlsplit(browser.get(START).headers["location"]).query) for _ in range(2))
    assert first["response_type"] == ["code"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


def test_later_the_identity_counts_and_not_the_address(
    gateway: RunningGateway, browser: Browser, provider: IdentityProvider, email: str
) -> None:
    assert browser.get(go(browser)).status_code == 303
    provider.person["email"] = f"married-{email}"
    with Browser(gateway) as later:
        assert later.get(go(later)).status_code == 303
        assert email in later.page("/dashboard/sessions")
    provider.person = {"sub": "another", "email": email}
    with Browser(gateway) as heir:
        refused(heir.get(go(heir)), "by another account of the provider")


def test_who_may_sign_up(
    gateway: RunningGateway, browser: Browser, provider: IdentityProvider, fresh: Name
) -> None:
    new = f"{fresh()}@acme.example"
    for stranger in (
        f"{fresh()}@example.com",
        f"{fresh()}@sub.acme.example",
        f"{fresh()}@acme.example@evil.example",
    ):
        provider.person = {"sub": stranger, "email": stranger}
        refused(browser.get(go(browser)), "has to invite this address")
    provider.person = {"sub": new, "email": f" {new.upper()}", "name": "New"}
    assert browser.get(go(browser)).status_code == 303
    made = gateway.database.read_now(lambda conn: store.require_person(conn, new))
    assert (made.name, made.is_operator) == ("New", False)


def test_somebody_shut_out_stays_out(gateway: RunningGateway, browser: Browser, email: str) -> None:
    assert browser.get(go(browser)).status_code == 303
    made = gateway.database.read_now(lambda conn: store.require_person(conn, email))
    gateway.database.write_now(lambda conn: store.change_person(conn, made.id, disabled_us=now_us()))
    with Browser(gateway) as again:
        refused(again.get(go(again)), "shut out here")


@pytest.mark.parametrize("known", [True, False])
def test_somebody_shut_out_who_was_never_here(
    gateway: RunningGateway, browser: Browser, email: str, known: bool
) -> None:
    made = gateway.database.read_now(lambda conn: store.require_person(conn, email))
    gateway.database.write_now(
        lambda conn: store.change_person(conn, made.id, disabled_us=now_us() if known else None)
    )
    answer = browser.get(go(browser))
    assert answer.status_code == (401 if known else 303)


def test_a_new_key_of_the_provider_is_fetched(
    gateway: RunningGateway, browser: Browser, provider: IdentityProvider, email: str
) -> None:
    assert browser.get(go(browser)).status_code == 303
    provider.rotate()
    with Browser(gateway) as later:
        assert later.get(go(later)).status_code == 303
    assert provider.asked.count("/keys") <= 2
    assert provider.asked.count("/.well-known/openid-configuration") <= 1


def test_the_provider_says_no(browser: Browser, provider: IdentityProvider, email: str) -> None:
    provider.denies = "access_denied"
    answer = browser.get(go(browser))
    refused(answer, "did not let you in (access_denied)")
    assert "do this" not in answer.text, "its words are not ours"
    provider.denies = "Call +1 555"
    refused(browser.get(go(browser)), "no reason given")


def test_a_provider_that_keeps_addresses_out_of_tokens(
    worker: ScriptedWorker,
    options: dict[str, Any],
    provider: IdentityProvider,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    provider.metadata = {
        "userinfo_endpoint": f"{provider.issuer}/userinfo", "authorization_response_iss_parameter_supported": True
    }  # fmt: skip
    provider.person = {"sub": "thin", "email_verified": None}
    provider.userinfo = {"sub": "thin", "email": "thin@acme.example", "email_verified": True}
    port = free_port()
    fresh = {**options, "port": port, "public_url": f"http://127.0.0.1:{port}"}
    with (
        RunningGateway(tmp_path_factory.mktemp("thin"), worker.url, **fresh) as running,
        Browser(running) as browser,
    ):
        refused(browser.get(go(browser)), "came from another provider")
        assert browser.get(go(browser) + f"&iss={provider.issuer}").status_code == 303
        provider.userinfo["sub"] = "fat"
        refused(browser.get(go(browser) + f"&iss={provider.issuer}"), "two people")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"oidc_client_secret": "wrong"}, "oidc_client_id and _secret"),
        ({"oidc_issuer": f"http://127.0.0.1:{free_port()}"}, "cannot be reached"),
    ],
)
def test_a_provider_that_is_away_or_does_not_know_us(
    worker: ScriptedWorker, options: dict[str, Any], changes: dict[str, Any], says: str, email: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    port = free_port()
    broken = {**options, "port": port, "public_url": f"http://127.0.0.1:{port}", **changes}
    with (
        RunningGateway(tmp_path_factory.mktemp("broken"), worker.url, **broken) as running,
        Browser(running) as browser,
    ):
        there = browser.get(START)
        answer = browser.get(go(browser)) if there.status_code == 303 else there
        refused(answer, says, 502)
        assert "Password" in browser.page("/dashboard/sign-in"), "other ways in go on"


def test_an_operator_signs_out_and_unlinks(
    gateway: RunningGateway, browser: Browser, provider: IdentityProvider, email: str, run: Run
) -> None:
    here = ("--data-dir", str(gateway.settings.data_dir))
    assert browser.get(go(browser)).status_code == 303
    assert browser.get("/dashboard/sessions").status_code == 200
    assert "signed out of 1 browsers" in run("people", "sign-out", email, *here)[1]
    eventually(lambda: browser.get("/dashboard/sessions").status_code == 303, "out", timeout_s=1.5)
    provider.person["sub"] = "a new account at the provider"
    refused(browser.get(go(browser)), "to unlink the old one")
    assert "is unlinked" in run("people", "unlink", email, *here)[1]
    assert browser.get(go(browser)).status_code == 303
    run("people", "unlink", email, *here)
    assert "was not linked" in run("people", "unlink", email, *here)[1]
