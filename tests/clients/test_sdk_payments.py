"""Paying through the SDK, and an operator's view of the border, against a real gateway and a fake Stripe; both shells."""

import asyncio
from collections.abc import Iterator

import pytest
import tollway
from tollway.admin import Admin, AsyncAdmin

from gateway.keys.create import create_key
from gateway.start import key_secret
from tests.fixtures.paid import Paid, invoiced, paid_gateway, save_card, stick, suspend_for
from tests.fixtures.running import eventually
from tests.fixtures.scripted import ScriptedWorker


@pytest.fixture(scope="module")
def paid(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    with paid_gateway(tmp_path_factory.mktemp("sdk"), worker.url) as made:
        yield made


def payer(paid: Paid, name: str) -> tuple[str, str]:
    """An account, and a key that may have its card charged."""
    gateway, _ = paid
    gateway.account(name)
    account_id, secret = gateway.balance(name).account_id, key_secret(gateway.settings)
    made = gateway.database.write_now(
        lambda conn: create_key(conn, kind="account", account_id=account_id, name="pays", key_secret=secret,
                                caps={"scopes": ("payments", "usage:read")})
    )  # fmt: skip
    return account_id, made[1]


def test_a_top_up_and_a_rule(paid: Paid) -> None:
    gateway, stripe = paid
    account_id, key = payer(paid, "buyer")
    with tollway.Tollway(key, gateway.url) as client:
        ordered = client.credits.top_up("12.34")
        assert (ordered.amount, ordered.state) == (tollway.Money.from_usd("12.34"), "waiting")
        [session] = stripe.of("checkout.session").values()
        assert ordered.url == session["url"]
        stripe.complete(session["id"])
        eventually(lambda: client.credits.top_ups()[0].state == "paid", "it is booked")
        assert client.credits.get().available == tollway.Money.from_usd("13.34")
        with pytest.raises(tollway.BadRequest):
            client.credits.top_up(1)
        assert client.credits.auto_top_up() is None
        rule = client.credits.set_auto_top_up(below_usd="0.5", amount_usd=25, daily_max_usd="100")
        assert (rule.amount, client.credits.auto_top_up()) == (tollway.Money.from_usd(25), rule)
        client.credits.remove_auto_top_up()
        assert client.credits.auto_top_up() is None
    with (
        tollway.Tollway(gateway.account("plain"), gateway.url) as plain,
        pytest.raises(tollway.PermissionDenied, match="payments"),
    ):
        plain.credits.top_up(10)
    assert gateway.balance("buyer").account_id == account_id


def test_the_same_for_asyncio(paid: Paid) -> None:
    gateway, stripe = paid
    account_id, key = payer(paid, "async-buyer")
    save_card(gateway, account_id)
    invoice_id = invoiced(gateway, account_id, "2026-09")

    async def buy() -> None:
        async with tollway.AsyncTollway(key, gateway.url) as client:
            before = len(stripe.of("customer"))
            assert await client.credits.auto_top_up() is None
            rule = await client.credits.set_auto_top_up(below_usd="0.5", amount_usd=25, daily_max_usd=50)
            assert await client.credits.auto_top_up() == rule
            await client.credits.remove_auto_top_up()
            assert await client.credits.top_ups(limit=5) == []
            with pytest.raises(tollway.BadRequest):
                await client.credits.top_up(1)
            assert len(stripe.of("customer")) == before
            [listed] = await client.invoices.list()
            assert (await client.invoices.get(invoice_id)).total == listed.total

    asyncio.run(buy())


def test_invoices(paid: Paid) -> None:
    gateway, _ = paid
    account_id, key = payer(paid, "billed")
    ids = [invoiced(gateway, account_id, f"2026-{month:02}", state="paid") for month in (7, 8, 9)]
    with tollway.Tollway(key, gateway.url) as client:
        first = client.invoices.list(limit=2)
        rest = client.invoices.list(after=first.last_id)
        assert [each.id for each in (*first, *rest)] == ids[::-1]
        found = client.invoices.get(ids[0])
        assert sum((line.amount for line in found.lines), tollway.Money(0)) == found.total
        assert sum(line.cost.nanousd for line in found.lines) == found.owed_nanousd
        with pytest.raises(tollway.NotFound):
            client.invoices.get("inv_nobody")


def test_the_border(paid: Paid) -> None:
    gateway, _ = paid
    account_id, _ = payer(paid, "bordering")
    intent = stick(gateway, account_id)
    suspend_for(gateway, account_id, "dp_1")
    invoiced(gateway, account_id, "2026-10", state="failed")
    operator = gateway.operator()

    async def look() -> None:
        async with AsyncAdmin(operator, gateway.url) as admin:
            assert [each.state for each in await admin.payments.invoices("bordering")] == ["failed"]
            assert not (await admin.payments.reconcile()).ok
            assert (await admin.payments.retry(intent)).state == "waiting"
            suspend_for(gateway, account_id, "dp_2")
            assert await admin.payments.lift_suspension(account_id, "dp_2") == []
            assert (await admin.payments.status()).mode == "test"

    with Admin(operator, gateway.url) as admin:
        status = admin.payments.status()
        assert (status.mode, status.outbox_frozen, [each.id for each in status.outbox]) == (
            "test",
            1,
            [intent],
        )
        assert intent in {each.name for each in admin.payments.reconcile().differences}
        assert admin.payments.lift_suspension("bordering", "dp_1") == []
        with pytest.raises(tollway.NotFound):
            admin.payments.lift_suspension("bordering", "dp_1")
        asyncio.run(look())
        eventually(lambda: admin.payments.status().outbox_frozen == 1, "it was tried again, and refused")
        assert admin.payments.retry(intent).tries > 3
        assert len(admin.payments.invoices(limit=1)) == 1
