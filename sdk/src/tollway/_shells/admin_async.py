"""`admin_accounts.py` and `admin_site.py` for asyncio: the same methods, as coroutines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, UnsetType

from tollway._core import admin, limits
from tollway._core.admin import StatementFormat
from tollway._core.limits import AccountLimit, Limit
from tollway._core.own import Cap
from tollway._money import Usd
from tollway._shells.admin_site import AllWorkers
from tollway._shells.transport import AsyncLink
from tollway._types.account import Credits, Grant, Key, KeyMay, NewKey, Page
from tollway._types.admin import (
    Account,
    AccountReceipt,
    AccountUsage,
    AdminGroupBy,
    AuditReport,
    CreditLimit,
    Drift,
    GrantKind,
    LogEntry,
    Policy,
    PriceBook,
    Statement,
)
from tollway._types.limits import Limits


class _Resource:
    def __init__(self, link: AsyncLink) -> None:
        self._link = link


class AsyncAccounts(_Resource):
    """`Accounts` for asyncio."""

    async def list(self) -> list[Account]:
        """`Accounts.list`, as a coroutine: `print([account.name for account in await admin.accounts.list()])`."""
        return await self._link.ask(admin.accounts())

    async def create(self, name: str, *, grant_usd: Usd | None = None) -> Account:
        """`Accounts.create`, as a coroutine: `await admin.accounts.create("gauss", grant_usd="25")`."""
        return await self._link.ask(admin.create_account(name, grant_usd))

    async def credits(self, account: str) -> Credits:
        """`Accounts.credits`, as a coroutine: `print((await admin.accounts.credits("acme")).available)`."""
        return await self._link.ask(admin.account_credits(account))

    async def grant(
        self,
        account: str,
        amount_usd: Usd,
        *,
        kind: GrantKind = "top_up",
        reason: str = "",
        expires_at: datetime | str | None = None,
        priority: int | None = None,
    ) -> Grant:
        """`Accounts.grant`, as a coroutine: `print((await admin.accounts.grant("acme", "10", reason="invoice 7")).amount)`."""
        return await self._link.ask(admin.grant(account, amount_usd, kind, reason, expires_at, priority))

    async def set_credit_limit(self, account: str, usd: Usd) -> CreditLimit:
        """`Accounts.set_credit_limit`, as a coroutine: `print((await admin.accounts.set_credit_limit("acme", 50)).credit_limit)`."""
        return await self._link.ask(admin.credit_limit(account, usd))

    async def statement(self, account: str, month: str) -> Statement:
        """`Accounts.statement`, as a coroutine: `print((await admin.accounts.statement("acme", "2026-11")).due)`."""
        return await self._link.ask(admin.statement(account, month))

    async def statement_file(self, account: str, month: str, form: StatementFormat = "pdf") -> bytes:
        """`Accounts.statement_file`, as a coroutine: `Path("acme.html").write_bytes(await admin.accounts.statement_file("acme", "2026-11", "html"))`."""
        return await self._link.ask(admin.statement_file(account, month, form))

    async def limits(self, account: str) -> Limits:
        """`Accounts.limits`, as a coroutine: `print((await admin.accounts.limits("acme")).refused)`."""
        return await self._link.ask(limits.of_account(account))

    async def set_limits(
        self,
        account: str,
        *,
        requests_per_minute: AccountLimit = UNSET,
        input_tokens_per_minute: AccountLimit = UNSET,
        output_tokens_per_minute: AccountLimit = UNSET,
        concurrency: AccountLimit = UNSET,
    ) -> Limits:
        """`Accounts.set_limits`, as a coroutine: `await admin.accounts.set_limits("acme", concurrency=8)`."""
        return await self._link.ask(
            limits.set_of_account(
                account, requests_per_minute, input_tokens_per_minute, output_tokens_per_minute, concurrency
            )
        )


class AsyncKeys(_Resource):
    """`Keys` for asyncio."""

    async def list(self) -> list[Key]:
        """`Keys.list`, as a coroutine: `print([key.name for key in await admin.keys.list() if key.revoked_at is None])`."""
        return await self._link.ask(admin.keys())

    async def create(  # noqa: PLR0913 - as many as may be said of a key
        self,
        account: str,
        name: str = "default",
        *,
        cap_day_usd: Cap = None,
        cap_month_usd: Cap = None,
        cap_total_usd: Cap = None,
        project: str | None = None,
        policy: Policy | None = None,
        manages_keys: bool = False,
        may: KeyMay | None = None,
    ) -> NewKey:
        """`Keys.create`, as a coroutine: `print((await admin.keys.create("acme", "ci", cap_month_usd="20")).key)`."""
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        others = {"project": project, "policy": policy, "manages_keys": manages_keys, **(may or {})}
        return await self._link.ask(admin.create_key(account, name, caps, others))

    async def change(  # noqa: PLR0913
        self,
        key_id: str,
        *,
        name: str | UnsetType = UNSET,
        cap_day_usd: Cap = UNSET,
        cap_month_usd: Cap = UNSET,
        cap_total_usd: Cap = UNSET,
        project: str | UnsetType | None = UNSET,
        policy: Policy | UnsetType | None = UNSET,
        manages_keys: bool | UnsetType = UNSET,
        may: KeyMay | None = None,
    ) -> Key:
        """`Keys.change`, as a coroutine: `await admin.keys.change(key.id, cap_day_usd="5", policy="local-only")`."""
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        others = {"project": project, "policy": policy, "manages_keys": manages_keys}
        changes = {"name": name, **others, **caps, **(may or {})}
        return await self._link.ask(admin.change_key(key_id, changes))

    async def revoke(self, key_id: str) -> Key:
        """`Keys.revoke`, as a coroutine: `await admin.keys.revoke(key.id)`."""
        return await self._link.ask(admin.revoke_key(key_id))

    async def rotate(self, key_id: str, *, overlap_s: int = 0) -> NewKey:
        """`Keys.rotate`, as a coroutine: `print((await admin.keys.rotate(key.id)).key)`."""
        return await self._link.ask(admin.rotate_key(key_id, overlap_s))

    async def limits(self, key_id: str) -> Limits:
        """`Keys.limits`, as a coroutine: `print((await admin.keys.limits(key.id)).used)`."""
        return await self._link.ask(limits.of_key(key_id, admin=True))

    async def set_limits(
        self,
        key_id: str,
        *,
        requests_per_minute: Limit = UNSET,
        input_tokens_per_minute: Limit = UNSET,
        output_tokens_per_minute: Limit = UNSET,
        concurrency: Limit = UNSET,
    ) -> Limits:
        """`Keys.set_limits`, as a coroutine: `await admin.keys.set_limits(key.id, concurrency=4)`."""
        return await self._link.ask(
            limits.set_of_key(
                key_id,
                requests_per_minute,
                input_tokens_per_minute,
                output_tokens_per_minute,
                concurrency,
                admin=True,
            )
        )


class AsyncUsage(_Resource):
    """`Usage` for asyncio."""

    async def list(  # noqa: PLR0913 - as many as there are filters
        self,
        group_by: AdminGroupBy = "account",
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        *,
        account: str | None = None,
        model: str | None = None,
        key_id: str | None = None,
        project_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
        detail: bool = False,
    ) -> Page[AccountUsage]:
        """`Usage.list`, as a coroutine: `print([(row.account_name, row.cost) for row in await admin.usage.list(since="2026-11-01T00:00:00Z")])`."""
        return await self._link.ask(
            admin.usage(
                group_by,
                since,
                until,
                account=account,
                model=model,
                key_id=key_id,
                project_id=project_id,
                limit=limit,
                after=after,
                detail=detail,
            )
        )


class AsyncReceipts(_Resource):
    """`Receipts` for asyncio."""

    async def get(self, request_id: str) -> AccountReceipt:
        """`Receipts.get`, as a coroutine: `print((await admin.receipts.get(answer.request_id)).account_id)`."""
        return await self._link.ask(admin.receipt(request_id))


class AsyncLedger(_Resource):
    """`Ledger` for asyncio."""

    async def audit(self) -> AuditReport:
        """`Ledger.audit`, as a coroutine: `print((await admin.ledger.audit()).ok)`."""
        return await self._link.ask(admin.audit())

    async def drift(self) -> list[Drift]:
        """`Ledger.drift`, as a coroutine: `print([row.worker for row in await admin.ledger.drift() if row.input_differs])`."""
        return await self._link.ask(admin.drift())


class AsyncLog(_Resource):
    """`Log` for asyncio."""

    async def list(
        self,
        account: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[LogEntry]:
        """`Log.list`, as a coroutine: `print([line.actor for line in await admin.log.list(action="key.")])`."""
        return await self._link.ask(
            admin.log(
                account, since, until, actor=actor, action=action, target=target, limit=limit, after=after
            )
        )


class AsyncPrices(_Resource):
    """`Prices` for asyncio."""

    async def list(self) -> list[PriceBook]:
        """`Prices.list`, as a coroutine: `print([book.version for book in await admin.prices.list() if book.in_force])`."""
        return await self._link.ask(admin.prices())

    async def publish(self, toml: str) -> PriceBook:
        """`Prices.publish`, as a coroutine: `await admin.prices.publish(Path("prices.toml").read_text())`."""
        return await self._link.ask(admin.publish_prices(toml))


class AsyncWorkers(_Resource):
    """`Workers` for asyncio."""

    async def list(self) -> AllWorkers:
        """`Workers.list`, as a coroutine: `print([worker.name for worker in await admin.workers.list() if worker.out])`."""
        return await self._link.ask(admin.workers())

    async def add(
        self,
        url: str,
        *,
        models: Sequence[str] = (),
        weight: int | None = None,
        concurrency_max: int | None = None,
    ) -> AllWorkers:
        """`Workers.add`, as a coroutine: `await admin.workers.add("http://127.0.0.1:9", weight=2)`."""
        return await self._link.ask(admin.add_worker(url, models, weight, concurrency_max))

    async def change(
        self,
        name: str,
        *,
        cordoned: bool | UnsetType = UNSET,
        weight: int | UnsetType | None = UNSET,
        concurrency_max: int | UnsetType | None = UNSET,
    ) -> AllWorkers:
        """`Workers.change`, as a coroutine: `await admin.workers.change("http://127.0.0.1:9", cordoned=True)`."""
        changes = {"cordoned": cordoned, "weight": weight, "concurrency_max": concurrency_max}
        return await self._link.ask(admin.change_worker(name, changes))

    async def remove(self, name: str) -> AllWorkers:
        """`Workers.remove`, as a coroutine: `await admin.workers.remove("http://127.0.0.1:9")`."""
        return await self._link.ask(admin.remove_worker(name))
