"""No page and no GET reads more because there are more events: each is asked of a ledger, and of one ten times as large.

Both ledgers tell of the same accounts, keys and days, so sums have as many rows in both, and what a route reads of the
larger one is what it reads of the smaller.  Times would say the same less reliably.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.routes import HTTPRoute
from sqlalchemy import func, make_url, select, text

from gateway.catalog.read_toml import shipped
from gateway.keys.create import create_key
from gateway.kit.clock import DAY_US, HOUR_US, now_us, rfc3339
from gateway.kit.db import metadata
from gateway.start import key_secret
from tests.bench.bulk import Bulk
from tests.bench.seed import fill, open_accounts, roll_all
from tests.bench.traffic import MODELS, Plan, Traffic
from tests.dashboard.browsing import signed_in
from tests.dashboard.reading import PostgresReads, Reading, SqliteReads
from tests.fixtures.paid import invoiced
from tests.fixtures.running import RunningGateway
from tests.fixtures.scripted import ScriptedWorker

EVENTS, TIMES = 1_500, 10
SLACK, FLOOR = 3, 2_000
"""What rows of sums are missing while there are few events; and what is too little to speak of."""
DAYS = 2
ALLOWED = {
    "/admin/v1/audit": "derives everything again, and says so",
}
"""Routes that may read everything, and why."""
QUERIES: dict[str, list[str]] = {
    "/dashboard/accounts/{account_id}/usage": ["", "?group=key", "?period=hour&since={day}", "?key_id={key_id}&model={model}"],
    "/dashboard/accounts/{account_id}/requests": [
        "", "?after={request_id}", "?model={model}", "?key_id={key_id}", "?key_id={key_id}&model={model}", "?key_id=key_none",
        "?model=none", "?month={month}", "?model={model}&month={month}",
    ],
    "/dashboard/operator/accounts": ["", "?find=seed", "?after=seed-00001"],
    "/v1/usage": [f"?group_by={group}{more}" for group in ("key", "project", "model", "day") for more in ("", "&since={hour}", "&key_id={key_id}", "&detail=true")],
    "/admin/v1/usage": [
        f"?group_by={group}{more}" for group in ("account", "key", "project", "model", "day")
        for more in ("", "&since={hour}", "&model={model}", "&key_id={key_id}", "&account=seed-00000", "&detail=true")
    ],
    "/v1/invoices": ["", "?after={invoice_id}"],
    "/admin/v1/invoices": ["", "?account=seed-00000"],
    "/v1/receipts": ["", "?after={request_id}", "?model={model}", "?key_id={key_id}&model={model}", "?since={hour}", "?until={hour}"],
}  # fmt: skip
"""Other than as they are.  Sums from or until the middle of an hour read the events of that hour: tests/rollups."""

NOTHING_THERE = ("/none", "/v1/auto_top_up", "/models/", "/static/", "/oidc")
"""Where it does not matter that what is asked for is not there."""


class Ledger:
    """A gateway with so much in its ledger, and everybody who may ask it."""

    def __init__(self, folder: Path, events: int, options: dict[str, Any], reading: Reading) -> None:
        self.gateway = RunningGateway(folder, *options.pop("workers"), **options)
        database = self.gateway.database
        plan = Plan(events=events, days=DAYS, accounts=3, seed=3, end_us=now_us() // HOUR_US * HOUR_US)
        owners = database.write_now(lambda conn: open_accounts(conn, plan.accounts, keys=lambda _: 2))
        self.plan, self.owners = plan, owners
        fill(database, plan, owners)
        roll_all(database)
        postgres = database.url.startswith("postgresql")
        if postgres:
            database.write_now(lambda conn: conn.execute(text("ANALYZE")))
        self.reading = reading
        reading.database = make_url(database.url).database
        self.kept = (PostgresReads if postgres else SqliteReads)(reading, database)
        secret = key_secret(self.gateway.settings)
        self.account_id = owners[0].account_id
        _, self.key = database.write_now(
            lambda conn: create_key(
                conn, kind="account", account_id=self.account_id, name="asks", key_secret=secret
            )
        )
        self.operator = self.gateway.operator()
        self.names = {
            "account_id": self.account_id, "name": "seed-00000", "key_id": owners[0].key_ids[1],
            "month": rfc3339(plan.end_us - 1)[:7], "model": list(MODELS)[-1], "day": rfc3339(plan.end_us - DAY_US)[:10],
            "hour": rfc3339(plan.end_us - DAY_US), "secret": "none", "request_id": self._request(),
            "version": "1", "person_id": "none", "invoice_id": invoiced(self.gateway, self.account_id, "2020-01"), "worker": "none", "id": "none",
        }  # fmt: skip
        self.names["model_id"] = self.names["model"]

    def _request(self) -> str:
        """One in the middle."""
        found = self.gateway.database.read_now(
            lambda conn: conn.execute(
                text(
                    "SELECT request_id FROM usage_events WHERE account_id = :account ORDER BY created_us LIMIT 1 OFFSET 300"
                ),
                {"account": self.account_id},
            ).scalar_one()
        )
        return str(found)

    def rolled(self) -> dict[str, int]:
        """What the job that keeps the sums reads and writes for 200 more requests."""
        database, book = self.gateway.database, shipped()
        plan = msgspec.structs.replace(self.plan, events=200, seed=9)
        found = Traffic(plan, self.owners, book).piece(0)
        database.write_now(lambda conn: Bulk(conn, book).write(conn, found))
        self.reading.clear()
        roll_all(database)
        return dict(self.reading.steps)

    def rows(self) -> dict[str, int]:
        return self.gateway.database.read_now(
            lambda conn: {
                table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
                for table in metadata.sorted_tables
            }
        )

    def asked(
        self, addresses: list[tuple[str, str]]
    ) -> dict[str, tuple[dict[str, int], set[tuple[str, str]]]]:
        """By address: what each of its statements read, and which tables were scanned."""
        browser = signed_in(self.gateway, "operator@example.com", operator=True)
        with (
            browser,
            self.gateway.api(self.key) as customer,
            self.gateway.api(self.operator) as operator,
        ):
            clients = {"page": browser, "customer": customer, "operator": operator}
            return {address: self._one(clients[who], address) for who, address in addresses}

    def _one(self, client: Any, address: str) -> tuple[dict[str, int], set[tuple[str, str]]]:
        model = address.replace("/models/{name}", "/models/{model}")
        wanted = re.sub(r"{(\w+)(:\w+)?}", lambda found: self.names[found[1]], model)
        self.reading.clear()
        answer = client.get(wanted)
        unknown = {401, 404} if any(each in wanted for each in NOTHING_THERE) else set()
        assert answer.status_code in {200, 302, 303, *unknown}, (
            wanted,
            answer.status_code,
            answer.text[-300:],
        )
        return self.kept.reads(), self.kept.scanned()


def addresses(gateway: RunningGateway) -> list[tuple[str, str]]:
    """Who asks, and what: every GET there is.  A parameter that nobody knows is a KeyError: name it in `Ledger.names`."""
    found = []
    for route in gateway.app.routes:
        path = re.sub(r"{(\w+)(:\w+)?}", r"{\1}", route.path_format) if isinstance(route, HTTPRoute) else ""
        if not path or "GET" not in route.methods or path in ALLOWED:  # type: ignore[union-attr]
            continue
        page = path.startswith("/dashboard")
        who = "page" if page else "operator" if path.startswith(("/admin", "/metrics")) else "customer"
        found += [(who, path + query) for query in QUERIES.get(path, [""])]
    assert set(QUERIES) <= {address.partition("?")[0] for _, address in found}
    return [*found, ("page", "/dashboard/accounts/{account_id}/billing/{month}.pdf"),
            ("customer", "/v1/statements/{month}?format=html")]  # fmt: skip


@pytest.fixture(scope="module")
def worker() -> Iterator[ScriptedWorker]:
    with ScriptedWorker(kind="vllm") as running:
        yield running


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_nothing_reads_more_because_there_are_more_events(
    backend: str,
    worker: ScriptedWorker,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for job in ("refresh_prices", "refresh_workers", "sweep", "roll_up", "watch_alerts", "deliver_alerts"):
        monkeypatch.setattr(f"gateway.jobs.{job}.EVERY_S", 600.0)
    seen, rows = [], []
    with Reading() as reading:
        for events in (EVENTS, EVENTS * TIMES):
            options: dict[str, Any] = {"lease_idle_s": 600.0, "key_cache_s": 600.0, "workers": [worker.url]}
            if backend == "postgresql":
                options["database_url"] = request.getfixturevalue("postgres").create_database()
            ledger = Ledger(tmp_path / str(events), events, options, reading)
            with ledger.gateway:
                seen.append(ledger.asked(addresses(ledger.gateway)))
                rows.append(ledger.rows())
                seen[-1]["the sums' job"] = (ledger.rolled(), set())
    growing = {table for table, count in rows[1].items() if count > 5 * max(rows[0][table], 20)}
    assert {"usage_events", "grant_uses"} <= growing, "else there is nothing to see here"
    small, large = seen
    assert len(large) > 60
    found = [
        f"{address} reads {reads} of the large ledger and {small[address][0].get(statement, 0)} of the small one:\n  {statement}"
        for address, (statements, _) in large.items()
        for statement, reads in statements.items()
        if reads > SLACK * small[address][0].get(statement, 0) + FLOOR
    ]
    found += [
        f"{address} scans {table}:\n  {statement}"
        for address, (_, scanned) in large.items()
        for table, statement in scanned
        if table in growing
    ]
    assert not found, "\n".join(found)
