"""What `doctor` says about mail and about the place where people sign in: it asks both, and changes nothing there."""

from pathlib import Path
from typing import Any

import pytest

from gateway.doctor import Finding, examine
from gateway.settings import Settings
from tests.fixtures.identity import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.fixtures.postbox import Postbox

PUBLIC = "https://llm.example.com"


def findings(folder: Path, begins: str, **options: Any) -> Finding:
    settings = Settings(
        data_dir=folder, mistral_url="http://127.0.0.1:1", embedded=False, public_url=PUBLIC, **options
    )
    [found] = [each for each in examine(lambda: settings) if each.what.startswith(begins)]
    return found


def test_mail(tmp_path: Path) -> None:
    with Postbox() as postbox:
        fine = findings(tmp_path, "mail", smtp_url=postbox.url, mail_from="a@b.example")
        assert fine == Finding(fine=True, what=f"mail: 127.0.0.1:{postbox.port} takes mails")
        url = f"smtp://u:sesame@127.0.0.1:{postbox.port}"
        wrong = findings(tmp_path, "mail", smtp_url=url, mail_from="a@b.example")
        assert not wrong.fine
        assert "535" in wrong.what
        assert "sesame" not in wrong.what
        assert not postbox.envelopes
    away = findings(tmp_path, "mail", smtp_url=postbox.url, mail_from="a@b.example")
    assert not away.fine
    assert "check smtp_url" in away.what
    assert not findings(tmp_path, "mail", smtp_url="smtp://:x", mail_from="a@b.example").fine


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, f"redirect URI is {PUBLIC}/dashboard/sign-in/oidc/callback"),
        ({"oidc_client_secret": "sesame"}, "oidc_client_id and _secret"),
        ({"oidc_client_id": "unknown"}, "oidc_client_id and _secret"),
        ({"oidc_issuer": "http://127.0.0.1:9"}, "cannot be reached"),
    ],
)
def test_the_provider(tmp_path: Path, changes: dict[str, str], says: str) -> None:
    with IdentityProvider() as provider:
        options = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID,
                   "oidc_client_secret": CLIENT_SECRET, **changes}  # fmt: skip
        found = findings(tmp_path, "sign-in at", **options)
        assert found.fine == (not changes)
        assert says in found.what
        assert "sesame" not in found.what


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"issuer": "https://other.example"}, "set oidc_issuer to exactly that"),
        ({"token_endpoint": "http://other.example/token"}, "an address without https"),
        ({"authorization_endpoint": "http://other.example/"}, "an address without https"),
        ({"jwks_uri": None}, "says what cannot be read"),
        ({"padding": "x" * 2**20}, "says more than"),
    ],
)
def test_a_provider_that_cannot_be_used(tmp_path: Path, metadata: dict[str, Any], says: str) -> None:
    with IdentityProvider() as provider:
        provider.metadata = metadata
        found = findings(tmp_path, "sign-in at", oidc_issuer=provider.issuer, oidc_client_id=CLIENT_ID)
        assert not found.fine
        assert says in found.what
