"""A gateway beside a provider where people sign in."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.dashboard.browsing import Browser, person
from tests.fixtures.identity import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.fixtures.running import RunningGateway, free_port
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]


@pytest.fixture(scope="module")
def _provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as running:
        yield running


@pytest.fixture
def provider(_provider: IdentityProvider) -> IdentityProvider:
    _provider.forget()
    return _provider


@pytest.fixture(scope="module")
def options(_provider: IdentityProvider) -> dict[str, Any]:
    port = free_port()
    return {
        "port": port, "public_url": f"http://127.0.0.1:{port}", "oidc_issuer": _provider.issuer, "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET, "oidc_name": "Acme", "oidc_domains": ("acme.example",),
    }  # fmt: skip


@pytest.fixture(scope="module")
def gateway(
    worker: ScriptedWorker, options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("oidc"), worker.url, **options) as running:
        yield running


@pytest.fixture
def browser(gateway: RunningGateway) -> Iterator[Browser]:
    with Browser(gateway) as opened:
        yield opened


@pytest.fixture
def email(gateway: RunningGateway, provider: IdentityProvider, fresh: Name) -> str:
    """Of somebody who is known here, and signs in at the provider."""
    address = f"{fresh()}@example.com"
    person(gateway, address)
    provider.person = {"sub": f"sub of {address}", "email": address, "name": "Ada"}
    return address
