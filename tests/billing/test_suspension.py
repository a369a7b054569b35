"""A suspended account reads, and spends nothing, in every process, until the last reason is gone."""

import time
from pathlib import Path
from typing import Any

import pytest

from gateway.accounts.store import find_account, list_suspensions
from gateway.accounts.suspend import lift, suspend
from gateway.kit.clock import now_us
from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_suspended(
    backend: str, request: pytest.FixtureRequest, worker: ScriptedWorker, tmp_path: Path
) -> None:
    url = "" if backend == "sqlite" else request.getfixturevalue("postgres").create_database()
    with RunningGateway(tmp_path, worker.url, database_url=url, key_cache_s=0.2) as gateway:
        key = gateway.account("acme")
        account = gateway.database.read_now(lambda conn: find_account(conn, "acme"))

        def act(work: Any, because_of: str, *more: str) -> None:
            gateway.database.write_now(lambda conn: work(conn, account.id, because_of, *more, now_us()))
            time.sleep(0.3)

        with gateway.api(key) as api:
            assert api.post(CHAT, json=chat("ok")).status_code == 200
            act(suspend, "dp_1", "a payment was disputed")
            act(suspend, "inv_1", "the invoice of 2027-01 was not paid")
            act(suspend, "dp_1", "again")
            before = len(worker.seen)
            for body in (chat("ok"), chat("ok", stream=True)):
                refused = api.post(CHAT, json=body, headers={"idempotency-key": "k"})
                assert (refused.status_code, refused.json()["code"]) == (403, "account_suspended")
            assert len(worker.seen) == before, "nobody was asked"
            assert api.get("/v1/usage").status_code == api.get("/v1/credits").status_code == 200
            act(lift, "dp_1")
            assert api.post(CHAT, json=chat("ok")).status_code == 403, "one reason is left"
            reasons = gateway.database.read_now(lambda conn: list_suspensions(conn, account.id))
            assert [each.reason for each in reasons] == ["the invoice of 2027-01 was not paid"]
            act(lift, "inv_1")
            act(lift, "inv_1")
            assert api.post(CHAT, json=chat("ok")).status_code == 200
            act(suspend, "dp_1", "the same dispute does not suspend twice")
            assert api.post(CHAT, json=chat("ok")).status_code == 200
