"""`payments.py` for asyncio: the same methods, as coroutines."""

from __future__ import annotations

from tollway._core import own, payments
from tollway._errors import NotFound
from tollway._money import Usd
from tollway._shells.transport import AsyncLink
from tollway._types.account import Credits as Balance
from tollway._types.account import Page
from tollway._types.payments import (
    AutoTopUp,
    Invoice,
    OutboxEntry,
    PaymentsReport,
    PaymentsStatus,
    Suspension,
    TopUp,
)

TopUps = list[TopUp]


class _Resource:
    def __init__(self, link: AsyncLink) -> None:
        self._link = link


class AsyncCredits(_Resource):
    """`Credits` for asyncio."""

    async def get(self) -> Balance:
        """`Credits.get`, as a coroutine: `await client.credits.get()`."""
        return await self._link.ask(own.credits_left())

    async def top_up(self, amount_usd: Usd) -> TopUp:
        """`Credits.top_up`, as a coroutine: `print((await client.credits.top_up("25")).url)`."""
        return await self._link.ask(payments.order(amount_usd))

    async def top_ups(self, *, limit: int | None = None) -> TopUps:
        """`Credits.top_ups`, as a coroutine: `await client.credits.top_ups(limit=10)`."""
        return await self._link.ask(payments.top_ups(limit))

    async def auto_top_up(self) -> AutoTopUp | None:
        """`Credits.auto_top_up`, as a coroutine: `await client.credits.auto_top_up()`."""
        try:
            return await self._link.ask(payments.rule())
        except NotFound:
            return None

    async def set_auto_top_up(self, *, below_usd: Usd, amount_usd: Usd, daily_max_usd: Usd) -> AutoTopUp:
        """`Credits.set_auto_top_up`, as a coroutine: `await client.credits.set_auto_top_up(below_usd=5, amount_usd=25, daily_max_usd=100)`."""
        return await self._link.ask(payments.set_rule(below_usd, amount_usd, daily_max_usd))

    async def remove_auto_top_up(self) -> None:
        """`Credits.remove_auto_top_up`, as a coroutine: `await client.credits.remove_auto_top_up()`."""
        await self._link.ask(payments.remove_rule())


class AsyncInvoices(_Resource):
    """`Invoices` for asyncio."""

    async def list(self, *, limit: int | None = None, after: str | None = None) -> Page[Invoice]:
        """`Invoices.list`, as a coroutine: `print([each.month for each in await client.invoices.list()])`."""
        return await self._link.ask(payments.invoices(limit, after))

    async def get(self, invoice_id: str) -> Invoice:
        """`Invoices.get`, as a coroutine: `print((await client.invoices.get(invoice.id)).total)`."""
        return await self._link.ask(payments.invoice(invoice_id))


class AsyncPayments(_Resource):
    """`Payments` for asyncio."""

    async def status(self) -> PaymentsStatus:
        """`Payments.status`, as a coroutine: `print((await admin.payments.status()).mode)`."""
        return await self._link.ask(payments.status())

    async def reconcile(self) -> PaymentsReport:
        """`Payments.reconcile`, as a coroutine: `print((await admin.payments.reconcile()).ok)`."""
        return await self._link.ask(payments.reconcile())

    async def retry(self, intent_id: str) -> OutboxEntry:
        """`Payments.retry`, as a coroutine.

        Example:
            for each in (await admin.payments.status()).outbox:
                if each.state == "frozen":
                    await admin.payments.retry(each.id)
        """
        return await self._link.ask(payments.retry(intent_id))

    async def lift_suspension(self, account: str, because_of: str) -> list[Suspension]:
        """`Payments.lift_suspension`, as a coroutine.

        Example:
            for each in (await admin.payments.status()).suspensions:
                await admin.payments.lift_suspension(each.account_id, each.because_of)
        """
        return await self._link.ask(payments.lift(account, because_of))

    async def invoices(
        self, account: str | None = None, *, limit: int | None = None, after: str | None = None
    ) -> Page[Invoice]:
        """`Payments.invoices`, as a coroutine: `print([each.total for each in await admin.payments.invoices()])`."""
        return await self._link.ask(payments.everybodys_invoices(account, limit, after))
