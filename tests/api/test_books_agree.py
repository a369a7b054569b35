"""Receipts, balances and ledger agree after a thousand requests that end in every way, on both databases."""

import random
import threading
from collections import Counter
from pathlib import Path

import httpx
import pytest

from gateway.accounts.store import find_account
from gateway.catalog.rate import rate, total_nanousd
from gateway.catalog.store import in_force
from gateway.catalog.types import Starts
from gateway.keys.create import create_key
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn
from gateway.metering.audit import audit
from gateway.metering.store import walk_chain
from gateway.metering.types import BILLED, UsageEvent
from gateway.start import key_secret
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker

REQUESTS = 1_000
THREADS = 16
ACCOUNTS = ("rich", "middling", "poor", "broke")
CREDIT_USD = ("1", "0.002", "0.0004", "0")

FATES = (
    ("ok", {}),
    ("ok", {"stream": True}),
    ("ok", {"stream": True, "stream_options": {"include_usage": True}}),
    ("gone", {"stream": True}),
    ("die after=2", {"stream": True}),
    ("error after=1", {"stream": True}),
    ("bad_status status=500", {}),
    ("bad_status status=400", {"stream": True}),
    ("rubbish", {}),
    ("drop", {}),
    ("ok tokens=0", {}),
    ("negative", {"max_tokens": -1}),
)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_thousand_mixed_requests(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    options = {}
    if backend == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        options["database_url"] = server.create_database()
    with ScriptedWorker(kind="vllm") as worker, RunningGateway(tmp_path, worker.url, **options) as gateway:
        keys = {name: gateway.account(name, usd) for name, usd in zip(ACCOUNTS, CREDIT_USD, strict=True)}
        seen = _drive(gateway, keys)
        assert sum(seen.values()) == REQUESTS
        assert {200, 400, 402, 502} <= set(seen), f"every kind of end was met: {seen}"
        for name in ACCOUNTS:
            _check(gateway, name)
        report = gateway.database.read_now(lambda conn: audit(conn, now_us()))
        assert report.differences == ()
        assert report.accounts == len(ACCOUNTS)


def _drive(gateway: RunningGateway, keys: dict[str, str]) -> Counter[int]:
    seen: Counter[int] = Counter()
    lock = threading.Lock()

    def client(number: int) -> None:
        dice = random.Random(number)
        for _ in range(REQUESTS // THREADS + (number < REQUESTS % THREADS)):
            script, fields = dice.choice(FATES)
            name = dice.choice(ACCOUNTS)
            status = _one(gateway, keys[name], script, dict(fields), dice)
            with lock:
                seen[status] += 1

    threads = [threading.Thread(target=client, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def _one(
    gateway: RunningGateway, key: str, script: str, fields: dict[str, object], dice: random.Random
) -> int:
    with gateway.api(key) as api:
        if script != "gone":
            body = chat(f"{script} prompt={dice.randint(1, 40)}", **fields)
            return api.post("/v1/chat/completions", json=body).status_code
        body = chat("ok tokens=40 delay=0.002", **fields)
        with api.stream("POST", "/v1/chat/completions", json=body) as answer:
            lines = answer.iter_lines()
            for _ in range(dice.randint(0, 6)):
                next(lines, None)
            return answer.status_code


def _check(gateway: RunningGateway, name: str) -> None:
    balance = gateway.settled_up(name)  # counters equal the sums of their rows
    account = gateway.database.read_now(lambda conn: find_account(conn, name))

    def events(conn: ReadConn) -> list[UsageEvent]:
        return [event for event, _ in walk_chain(conn, account.id)]

    found = gateway.database.read_now(events)
    book = gateway.database.read_now(lambda conn: in_force(conn, now_us()))
    prices = {model.id: model.prices for model in book.models}
    for event in found:
        lines = rate(event.counts, prices[event.model], book.tiers, event.starts or Starts())
        rated = total_nanousd(lines) if event.outcome in BILLED else 0
        assert rated == event.cost_nanousd <= event.held_nanousd
    assert sum(event.cost_nanousd for event in found) == balance.settled_nanousd
    assert balance.settled_nanousd <= balance.granted_nanousd
    _check_api(gateway, name, balance.settled_nanousd, [event.request_id for event in found])


def _check_api(gateway: RunningGateway, name: str, settled: int, request_ids: list[str]) -> None:
    """The customer's own view says the same."""
    account = gateway.database.read_now(lambda conn: find_account(conn, name))
    secret = key_secret(gateway.settings)
    _, key = gateway.database.write_now(
        lambda conn: create_key(conn, kind="account", account_id=account.id, name="look", key_secret=secret)
    )
    with gateway.api(key) as api:
        assert api.get("/v1/credits").json()["settled_nanousd"] == settled
        for grouping in ("key", "model", "day"):
            found = api.get("/v1/usage", params={"group_by": grouping}).json()["data"]
            assert sum(row["cost_nanousd"] for row in found) == settled
            assert sum(row["requests"] for row in found) == len(request_ids)
        receipts = [api.get(f"/v1/receipts/{request_id}") for request_id in request_ids[:100]]
        assert all(receipt.status_code == httpx.codes.OK for receipt in receipts)
        assert all(
            r.json()["cost_nanousd"] == sum(line["cost_nanousd"] for line in r.json()["lines"])
            for r in receipts
        )
