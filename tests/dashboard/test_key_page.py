"""The page of one key: what it may, how it stands, and its rotation with an overlap."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.dashboard.key_may import limits_in, standing, written_end
from gateway.errors import BadRequest
from gateway.keys.types import IMPLIED_SCOPES, Key
from gateway.kit.clock import DAY_US, HOUR_US, SECOND_US
from tests.dashboard.browsing import Browser, signed_in
from tests.fixtures.running import RunningGateway, chat, eventually

NOW = 1_800_000_000_000_000
MODEL = "magistral-small-2509"


def key(**fields: Any) -> Key:
    return Key(id="key_1", kind="account", account_id="acc_1", name="k", hint="tw_…", created_us=1, **fields)


@pytest.mark.parametrize(
    ("fields", "word", "mark"),
    [
        ({}, "active", "good"),
        ({"expires_us": NOW + 3 * DAY_US}, "expires in 3 days", "warn"),
        ({"expires_us": NOW + DAY_US + 1}, "expires in 1 day", "warn"),
        ({"expires_us": NOW + DAY_US - 1}, "expires in 23 hours", "warn"),
        ({"expires_us": NOW + 60 * SECOND_US}, "expires in 1 minute", "warn"),
        ({"expires_us": NOW + 1}, "expires in a moment", "warn"),
        ({"expires_us": NOW}, "expired", "bad"),
        ({"expires_us": NOW + HOUR_US, "revoked_us": 1}, "revoked", "bad"),
    ],
)
def test_how_a_key_stands(fields: dict[str, Any], word: str, mark: str) -> None:
    found = standing(key(**fields), NOW)
    assert (found.word, found.mark) == (word, mark)


EVERY_SCOPE = {f"scope:{scope}": "on" for scope in IMPLIED_SCOPES}


def test_a_form_that_limits_nothing() -> None:
    assert limits_in({**EVERY_SCOPE, "ips": " ", "expires": ""}, key(), {MODEL}) == {
        "scopes": None,
        "models": None,
        "ips": None,
    }


def test_a_form_that_limits_everything() -> None:
    form = {
        "scope:chat": "on",
        f"model:{MODEL}": "on",
        "ips": "10.0.0.0/8,\r\n::1",
        "expires": "2027-01-31T18:00",
    }
    found = limits_in(form, key(), {MODEL})
    assert found.pop("expires_us") == 1_801_418_400 * SECOND_US
    assert found == {"scopes": ("chat",), "models": (MODEL,), "ips": ("10.0.0.0/8", "::1/128")}


def test_an_end_that_nobody_touched_stays_as_it_is() -> None:
    kept = key(expires_us=NOW + 123_456)
    assert "expires_us" not in limits_in({"expires": written_end(kept.expires_us)}, kept, set())
    assert limits_in({"expires": ""}, kept, set())["expires_us"] is None


@pytest.mark.parametrize(
    ("form", "param"),
    [({"expires": "tomorrow"}, "expires_at"), ({"model:gpt": "on"}, "models"), ({"ips": "here"}, "ips")],
)
def test_a_form_that_is_wrong(form: dict[str, str], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        limits_in(form, key(), {MODEL})
    assert refused.value.param == param
    assert limits_in({"model:gpt": "on"}, key(models=("gpt",)), set())["models"] == ("gpt",), (
        "one that left the book"
    )


@pytest.fixture
def owner(gateway: RunningGateway) -> Iterator[tuple[Browser, str, str]]:
    """A browser, the page of their key, and its secret."""
    secret = gateway.account("keyed")
    browser = signed_in(gateway, "keyed@example.com", keyed="owner")
    account_id = gateway.balance("keyed").account_id
    [key_id] = re.findall(r"/keys/(key_\w+)", browser.page(f"/dashboard/accounts/{account_id}/keys"))
    yield browser, f"/dashboard/accounts/{account_id}/keys/{key_id}", secret
    browser.close()


def test_what_a_key_may_is_said_on_its_page(gateway: RunningGateway, owner: tuple[Browser, str, str]) -> None:
    browser, page, secret = owner

    def status(key: str) -> int:
        with gateway.api(key) as api:
            return api.post("/v1/chat/completions", json=chat("ok")).status_code

    def save(**form: str) -> str:
        answer = browser.fill(page, f"{page}/may", **form)
        assert answer.status_code == 303, answer.text
        return browser.page(answer.headers["location"])

    assert status(secret) == 200
    saved = save(
        **{"scope:fim": "on", f"model:{MODEL}": "on", "ips": "127.0.0.1", "expires": "2099-01-01T00:00"}
    )
    for shown in ("Fill in the middle", MODEL, "127.0.0.1/32", "expires in", "2099-01-01T00:00:00"):
        assert shown in saved
    assert status(secret) == 403
    save(**EVERY_SCOPE, ips="203.0.113.1")
    assert status(secret) == 403
    save(**EVERY_SCOPE)
    assert status(secret) == 200
    refused = browser.fill(page, f"{page}/may", expires="2020-01-01T00:00", **EVERY_SCOPE)
    assert (refused.status_code, "is over" in refused.text) == (400, True)

    turned = browser.fill(page, f"{page}/rotate", overlap_s="3600")
    [new] = re.findall(r'id="secret">(tw_\w+)<', turned.text)
    assert "works until" in turned.text
    assert status(secret) == status(new) == 200
    assert browser.fill(page, f"{page}/rotate", overlap_s="9").status_code == 400
    eventually(lambda: browser.page(page).count("/requests/req_") >= 4, "its last requests are shown")
    assert "never" not in browser.page(page.rpartition("/")[0]).split("<tbody>")[1].split("</tbody>")[0]
    browser.fill(page, f"{page}/revoke")
    assert status(secret) == status(new) == 401
    log = browser.page(page.rpartition("/keys")[0] + "/log")
    assert "203.0.113.1" in log
    assert secret not in log
