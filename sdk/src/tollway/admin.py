"""For operators: the gateway's whole admin API, in the manner of `tollway.Tollway`.

Example:
    from tollway.admin import Admin

    with Admin() as admin:  # the key from TOLLWAY_ADMIN_KEY, the gateway's URL from TOLLWAY_BASE_URL
        admin.accounts.create("noether", grant_usd="25")
        print(admin.keys.create("noether", "ci", cap_month_usd="20").key)
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tollway._core import admin as _calls
from tollway._core.request import operator as _operator
from tollway._shells.admin_accounts import Accounts, Keys
from tollway._shells.admin_async import (
    AsyncAccounts,
    AsyncKeys,
    AsyncLedger,
    AsyncLog,
    AsyncPrices,
    AsyncReceipts,
    AsyncUsage,
    AsyncWorkers,
)
from tollway._shells.admin_site import Ledger, Log, Prices, Receipts, Usage, Workers
from tollway._shells.payments import Payments
from tollway._shells.payments_async import AsyncPayments
from tollway._shells.projects import AllProjects, AsyncAllProjects
from tollway._shells.transport import AsyncLink, Link
from tollway._types.admin import (
    Account,
    AccountReceipt,
    AccountUsage,
    AdminGroupBy,
    AppliedCredit,
    AuditReport,
    CreditLimit,
    Difference,
    Drift,
    GrantKind,
    LogEntry,
    Policy,
    PriceBook,
    PricedModel,
    Statement,
    StatementLine,
    Tier,
    Worker,
)
from tollway._types.payments import (
    InboxEntry,
    OutboxEntry,
    PaymentsDifference,
    PaymentsReport,
    PaymentsStatus,
    Suspension,
)

if TYPE_CHECKING:
    from tollway._shells import http

__all__ = [
    "Account",
    "AccountReceipt",
    "AccountUsage",
    "Admin",
    "AdminGroupBy",
    "AppliedCredit",
    "AsyncAdmin",
    "AuditReport",
    "CreditLimit",
    "Difference",
    "Drift",
    "GrantKind",
    "InboxEntry",
    "LogEntry",
    "OutboxEntry",
    "PaymentsDifference",
    "PaymentsReport",
    "PaymentsStatus",
    "Policy",
    "PriceBook",
    "PricedModel",
    "Statement",
    "StatementLine",
    "Suspension",
    "Tier",
    "Worker",
]


class Admin:
    """An operator's client.  Close it, or use it in `with`.  Threads may share one.

    Args:
        api_key: `twop_…`; else `TOLLWAY_ADMIN_KEY`.  A customer's key, and what `tollway login` saved, are never used.
        base_url: else `TOLLWAY_BASE_URL`, else http://127.0.0.1:8080.
        timeout_s: seconds without a byte before `APITimeoutError`; an audit of a long ledger takes its time.
        max_retries: tries after the first, as `Tollway`'s; what makes something is not sent again when it may have arrived.
        http_client: an `httpx.Client` of yours, for proxies or certificates.  It stays yours to close.

    Raises:
        TollwayError: there is no key, or one that cannot be sent.

    Example:
        with tollway.admin.Admin() as admin:
            print([worker.name for worker in admin.workers.list()])
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_s: float = 600.0,
        max_retries: int = 2,
        http_client: http.Client | None = None,
    ) -> None:
        account = _operator(api_key, base_url, os.environ)
        self._link = Link(account, timeout_s, max_retries, http_client)
        self.accounts = Accounts(self._link)
        self.keys = Keys(self._link)
        self.projects = AllProjects(self._link)
        self.usage = Usage(self._link)
        self.receipts = Receipts(self._link)
        self.payments = Payments(self._link)
        self.ledger = Ledger(self._link)
        self.log = Log(self._link)
        self.prices = Prices(self._link)
        self.workers = Workers(self._link)

    def metrics(self) -> str:
        """The figures of the process that answers, in Prometheus' text format.

        Raises: AuthenticationFailed, PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print(admin.metrics())`
        """
        return self._link.ask(_calls.metrics())

    def __enter__(self) -> Admin:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections, unless they belong to an `http_client` of yours.

        Example: `admin.close()`
        """
        self._link.close()


class AsyncAdmin:
    """`Admin` for asyncio: the same arguments, and the same methods as coroutines.

    Example:
        async with tollway.admin.AsyncAdmin() as admin:
            print([worker.name for worker in await admin.workers.list()])
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_s: float = 600.0,
        max_retries: int = 2,
        http_client: http.AsyncClient | None = None,
    ) -> None:
        account = _operator(api_key, base_url, os.environ)
        self._link = AsyncLink(account, timeout_s, max_retries, http_client)
        self.accounts = AsyncAccounts(self._link)
        self.keys = AsyncKeys(self._link)
        self.projects = AsyncAllProjects(self._link)
        self.usage = AsyncUsage(self._link)
        self.receipts = AsyncReceipts(self._link)
        self.payments = AsyncPayments(self._link)
        self.ledger = AsyncLedger(self._link)
        self.log = AsyncLog(self._link)
        self.prices = AsyncPrices(self._link)
        self.workers = AsyncWorkers(self._link)

    async def metrics(self) -> str:
        """`Admin.metrics`, as a coroutine: `print(await admin.metrics())`."""
        return await self._link.ask(_calls.metrics())

    async def __aenter__(self) -> AsyncAdmin:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """`Admin.close`, as a coroutine: `await admin.close()`."""
        await self._link.close()
