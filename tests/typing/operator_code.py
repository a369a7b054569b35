"""An operator's program that touches all of `tollway.admin`.  Never run: type checkers read it as strictly as they can."""
# pyright: strict

from datetime import UTC, datetime
from pathlib import Path
from typing import assert_type

import tollway
import tollway.admin
from tollway.admin import Admin, AsyncAdmin, Statement


def accounts(admin: Admin) -> None:
    account = admin.accounts.create("acme", grant_usd="25")
    assert_type(admin.accounts.list(), list[tollway.admin.Account])
    assert_type(admin.accounts.credits(account.id).available, tollway.Money)
    grant = admin.accounts.grant("acme", 10, kind="promotion", expires_at=datetime.now(UTC), priority=1)
    print(grant.amount, admin.accounts.set_credit_limit("acme", "50").credit_limit)
    assert_type(admin.accounts.limits("acme"), tollway.Limits)
    print(admin.accounts.set_limits("acme", requests_per_minute=60, concurrency="unlimited").own)
    bill(admin.accounts.statement("acme", "2026-11"))
    Path("bill.pdf").write_bytes(admin.accounts.statement_file("acme", "2026-11", "pdf"))


def bill(statement: Statement) -> None:
    for line in statement.lines:
        print(line.model, line.tokens, line.cost)
    for applied in statement.applied:
        print(applied.reason, applied.amount)
    print(statement.total, statement.due)


def keys(admin: Admin) -> None:
    key = admin.keys.create("acme", "ci", cap_day_usd=2, policy="cheapest", manages_keys=True)
    print(key.key, [each.hint for each in admin.keys.list()])
    admin.keys.change(key.id, cap_day_usd=None, policy=None)
    print(admin.keys.set_limits(key.id, output_tokens_per_minute=10_000), admin.keys.limits(key.id).used)
    admin.keys.change(key.id, may={"scopes": ["chat", "keys"], "expires_at": "2099-01-01T00:00:00Z"})
    admin.keys.rotate(key.id, overlap_s=60)
    admin.keys.revoke(key.id)


def books(admin: Admin, request_id: str) -> None:
    for row in admin.usage.list("account", model="magistral-small-2509"):
        assert_type(row, tollway.admin.AccountUsage)
        print(row.account_name, row.cost)
    print(admin.receipts.get(request_id).account_id)
    report = admin.ledger.audit()
    print(report.ok, report.settled, [each.problem for each in report.differences])
    assert_type(admin.ledger.drift(), list[tollway.admin.Drift])
    assert_type(admin.prices.publish("version = 2").version, int)
    print([model.prices for book in admin.prices.list() for model in book.models])


def projects(admin: Admin) -> None:
    made = admin.projects.create("acme", "indexing", cap_month_usd="50")
    assert_type(admin.projects.change(made.id, archived=True), tollway.Project)
    print([project.name for project in admin.projects.list("acme")])
    print([entry.action for entry in admin.log.list("acme", limit=5)])


def workers(admin: Admin) -> None:
    added = admin.workers.add("http://10.0.0.9:8000", models=["magistral-small-2509"])
    admin.workers.change(added[0].name, cordoned=True, weight=None)
    admin.workers.remove(added[0].name)
    print(admin.workers.list(), admin.metrics())
    admin.close()


def payments(admin: Admin) -> None:
    status = admin.payments.status()
    for entry in status.outbox:
        admin.payments.retry(entry.id)
    for suspension in status.suspensions:
        admin.payments.lift_suspension(suspension.account_id, suspension.because_of)
    print([each.words for each in admin.payments.reconcile().differences])
    print([each.month for each in admin.payments.invoices("acme", limit=2)])


async def waiting(admin: AsyncAdmin, request_id: str) -> None:
    account = await admin.accounts.create("acme")
    assert_type(await admin.accounts.list(), list[tollway.admin.Account])
    await admin.accounts.credits(account.id)
    await admin.accounts.grant("acme", "10")
    await admin.accounts.set_credit_limit("acme", 0)
    print(await admin.accounts.limits("acme"), await admin.accounts.set_limits("acme", concurrency=None))
    bill(await admin.accounts.statement("acme", "2026-11"))
    assert_type(await admin.accounts.statement_file("acme", "2026-11"), bytes)
    key = await admin.keys.create("acme")
    print(await admin.keys.list(), await admin.keys.change(key.id, name="new"))
    print(await admin.keys.limits(key.id), await admin.keys.set_limits(key.id, input_tokens_per_minute=9))
    print(await admin.keys.rotate(key.id), await admin.keys.revoke(key.id))
    print(await admin.usage.list(), await admin.receipts.get(request_id))
    print(await admin.ledger.audit(), await admin.ledger.drift())
    print(await admin.prices.publish("version = 2"), await admin.prices.list())
    print(await admin.workers.add("http://10.0.0.9:8000"), await admin.workers.change("w", weight=2))
    print(await admin.workers.list(), await admin.workers.remove("w"), await admin.metrics())
    project = await admin.projects.create("acme", "indexing")
    print(await admin.projects.change(project.id, name="search"), await admin.projects.list())
    print(await admin.log.list(actor="cli:root"))
    print(
        await admin.payments.status(), await admin.payments.reconcile(), await admin.payments.retry("inv:1")
    )
    print(await admin.payments.lift_suspension("acme", "dp_1"), await admin.payments.invoices())
    await admin.close()
