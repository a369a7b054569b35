"""What the seeding program writes at once is, row for row, what the writer writes one by one."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, select

from gateway.accounts.tables import accounts
from gateway.catalog.read_toml import shipped
from gateway.catalog.store import publish
from gateway.credit.tables import balances, counters, grant_uses, grants, open_grants
from gateway.credit.types import NO_CAPS, Order
from gateway.keys.tables import api_keys
from gateway.kit import schema
from gateway.kit.clock import now_us
from gateway.kit.db import Database, ReadConn, opened
from gateway.metering.batch import Charge
from gateway.metering.tables import tier_counters, usage_events
from gateway.metering.types import UsageEvent
from gateway.metering.writer import Writer
from gateway.rollups.audit import audit_all
from tests.bench import seed, traffic
from tests.bench.seed import fill, open_accounts, roll_all, written
from tests.bench.traffic import Plan, Traffic

EVENTS = 400
FACTS = (usage_events, grant_uses, counters, tier_counters, open_grants, balances)


def rows(conn: ReadConn) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table.name: [tuple(row) for row in conn.execute(select(table).order_by(*table.primary_key))]
        for table in FACTS
    }


def copy_beginning(database: Database, other: Database) -> None:
    """The same accounts, keys and grants; nobody asked anything yet."""
    for table in (accounts, api_keys, grants, open_grants, balances):
        found = database.read_now(
            lambda conn, table=table: [row._asdict() for row in conn.execute(select(table))]
        )
        other.write_now(lambda conn, table=table, found=found: conn.execute(insert(table), found))


def serve(database: Database, events: list[UsageEvent]) -> None:
    """As a gateway does, one by one."""
    book = shipped()
    models = {model.id: model for model in book.models}

    async def run() -> None:
        writer = Writer(database, lease_ttl_us=10**12, clock=lambda: events[0].created_us)
        for event in events:
            order = Order(request_id=event.request_id, account_id=event.account_id, key_id=event.key_id,
                          prompt_nanousd=event.held_nanousd, output_tokens_max=1, output_price_nanousd_per_mtok=0,
                          caps=NO_CAPS, monthly_free_nanousd=0)  # fmt: skip
            hold = msgspec.structs.replace(await writer.hold(order), created_us=event.created_us)
            prices = models[event.model].prices
            await writer.charge(Charge(hold=hold, event=event, prices=prices, tiers=book.tiers))
        await writer.close()

    asyncio.run(run())


def test_written_at_once_or_one_by_one(database: Database, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    schema.upgrade(url)
    plan = Plan(events=EVENTS, days=40, accounts=4, seed=1, end_us=now_us())
    with opened(url) as other:
        for each in (database, other):
            each.write_now(lambda conn: publish(conn, shipped()))
        owners = database.write_now(lambda conn: open_accounts(conn, 4, lambda _: 2, (10**5, 10**6, 10**15)))
        copy_beginning(database, other)
        fill(database, plan, owners)
        serve(other, list(Traffic(plan, owners, shipped()).piece(0)))
        at_once, one_by_one = database.read_now(rows), other.read_now(rows)
        assert written(database) == EVENTS
    for table, found in at_once.items():
        assert found == one_by_one[table], table
    assert len({row[0] for row in at_once["grant_uses"]}) == 12, "every grant of every account paid"


def test_it_goes_on_where_it_was_and_the_audit_agrees(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "PIECE", 50)
    monkeypatch.setattr(seed, "PIECE", 50)
    database.write_now(lambda conn: publish(conn, shipped()))
    plan = Plan(events=230, days=90, accounts=4, seed=1, end_us=now_us())
    owners = database.write_now(lambda conn: open_accounts(conn, 4, lambda _: 2))
    fill(database, msgspec.structs.replace(plan, events=100), owners)
    fill(database, plan, owners)
    roll_all(database)
    report = database.read_now(lambda conn: audit_all(conn, now_us()))
    assert (report.events, report.differences) == (230, ())
