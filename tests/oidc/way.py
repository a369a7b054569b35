"""The way to the provider and back, as a browser goes it."""

import httpx

from tests.dashboard.browsing import Browser

START = "/dashboard/sign-in/oidc"


def go(browser: Browser, next_path: str = "") -> str:
    """To the provider, and as far as its answer: the address that the browser is sent back to."""
    there = browser.get(START, params={"next": next_path} if next_path else {})
    assert there.status_code == 303, there.text
    with httpx.Client(trust_env=False) as at_provider:
        return str(at_provider.get(there.headers["location"]).headers["location"])


def refused(answer: httpx.Response, says: str, status: int = 401) -> None:
    assert answer.status_code == status, answer.text[-300:]
    assert says in answer.text
    assert "Back to the start" in answer.text
    assert "tollway=" not in answer.headers.get("set-cookie", "")
