"""The page of limits: what is in use, what was refused, and setting them, for an account and for a key."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboard.browsing import Browser, signed_in
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

CHAT = "/v1/chat/completions"


@pytest.fixture
def site(tmp_path: Path, worker: ScriptedWorker) -> Iterator[RunningGateway]:
    options = {"key_cache_s": 0.0, "limit_concurrency": 5, "lease_idle_s": 0.05}
    with RunningGateway(tmp_path, worker.url, **options) as running:
        yield running


def test_an_operator_limits_an_account_and_its_owner_sees_what_was_refused(site: RunningGateway) -> None:
    key = site.account("acme")
    account_id = site.balance("acme").account_id
    here = f"/dashboard/accounts/{account_id}/limits"
    form = f"/dashboard/operator/accounts/{account_id}/limits"
    with (
        signed_in(site, "op@example.com", operator=True) as operator,
        signed_in(site, "ada@example.com", acme="owner") as ada,
    ):
        assert form not in ada.page(here)
        fields = {
            "requests_per_minute": "1",
            "input_tokens_per_minute": "50,000",
            "output_tokens_per_minute": "",
        }
        wrong = operator.fill(here, form, **fields, concurrency="many")
        assert (wrong.status_code, "no whole number" in wrong.text) == (400, True)
        assert operator.fill(here, form, **fields, concurrency="0").status_code == 400
        assert operator.fill(here, form, **fields, concurrency="unlimited").status_code == 303
        assert 'value="unlimited"' in operator.page(here)
        with site.api(key) as api:
            statuses = {api.post(CHAT, json=chat("ok")).status_code for _ in range(3)}
        assert 429 in statuses
        eventually(lambda: refusals(ada, here) >= 1, "what was refused is shown")
        assert "50,000" in ada.page(here)
        assert "account.limits" in ada.page(f"/dashboard/accounts/{account_id}/log")


def refusals(browser: Browser, path: str) -> int:
    [found] = re.findall(r"refused in the last 24 hours: ([\d,]+)", browser.page(path))
    return int(found)


def test_a_developer_limits_a_key_within_its_account(site: RunningGateway) -> None:
    site.account("acme")
    account_id = site.balance("acme").account_id
    with signed_in(site, "dev@example.com", acme="developer") as developer:
        [key_id] = set(
            re.findall(r"/keys/(key_\w+)", developer.page(f"/dashboard/accounts/{account_id}/keys"))
        )
        here = f"/dashboard/accounts/{account_id}/keys/{key_id}"
        fields = {"requests_per_minute": "60", "input_tokens_per_minute": "", "output_tokens_per_minute": ""}
        above = developer.fill(here, f"{here}/limits", **fields, concurrency="6")
        assert (above.status_code, "above the account" in above.text) == (400, True)
        assert developer.fill(here, f"{here}/limits", **fields, concurrency="5").status_code == 303
        assert "0 of 60 in use" in developer.page(here)
        table = developer.page(f"/dashboard/accounts/{account_id}/limits").split("<h2>Keys with")[1]
        assert f'href="{here}">acme</a>' in table
        assert (
            developer.fill(here, f"{here}/limits", **dict.fromkeys(fields, ""), concurrency="").status_code
            == 303
        )
        assert "<h2>Keys with" not in developer.page(f"/dashboard/accounts/{account_id}/limits")
