"""An operator's other resources: usage, receipts, the ledger, prices, workers; blocking.  `admin_async.py` is for asyncio."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, UnsetType

from tollway._core import admin
from tollway._shells.transport import Link
from tollway._types.account import Page
from tollway._types.admin import (
    AccountReceipt,
    AccountUsage,
    AdminGroupBy,
    AuditReport,
    Drift,
    LogEntry,
    PriceBook,
    Worker,
)

AllWorkers = list[Worker]


class _Resource:
    def __init__(self, link: Link) -> None:
        self._link = link


class Usage(_Resource):
    """Sums of everybody's tokens and money."""

    def list(  # noqa: PLR0913 - as many as there are filters
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
        """By account, key, project, model or day (UTC): tokens, and nano-dollars, of the requests in [since, until).

        Instants are RFC 3339 texts or datetimes with a timezone; None is without bound.  At most `limit` rows (1,000).
        `detail`: also what each class of tokens cost, and how requests ended.

        Raises: BadRequest: an instant or the limit cannot be read; NotFound: no such account; AuthenticationFailed,
        PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print([(row.account_name, row.cost) for row in admin.usage.list(since="2026-11-01T00:00:00Z")])`
        """
        return self._link.ask(
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


class Receipts(_Resource):
    """The bills of single requests."""

    def get(self, request_id: str) -> AccountReceipt:
        """The bill of anybody's request, line by line, in nano-dollars, and whose it is.

        Raises: NotFound: no such request; AuthenticationFailed, PermissionDenied: no operator's key; APIConnectionError,
        or another of the error tree.

        Example: `print(admin.receipts.get(answer.request_id).account_id)`
        """
        return self._link.ask(admin.receipt(request_id))


class Ledger(_Resource):
    """Whether the books are right."""

    def audit(self) -> AuditReport:
        """Every balance and receipt is derived again from the immutable rows, and what differs is named.

        It reads the whole ledger: ask seldom, and with patience.

        Raises: Conflict: another audit runs; AuthenticationFailed, PermissionDenied: no operator's key;
        APIConnectionError, or another of the error tree.

        Example: `print(admin.ledger.audit().ok)`
        """
        return self._link.ask(admin.audit())

    def drift(self) -> list[Drift]:
        """By how many tokens each worker's counts and the gateway's ever differed, over the sample that is counted twice.

        Raises: AuthenticationFailed, PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print([row.worker for row in admin.ledger.drift() if row.input_differs])`
        """
        return self._link.ask(admin.drift())


class Log(_Resource):
    """Who changed what."""

    def list(
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
        """What people and keys changed in [since, until), the last first, at most `limit` lines (1,000).

        `account` is a name or id; of `actor`, `action` and `target` the beginning is enough.

        Raises: BadRequest: an instant or the limit cannot be read; NotFound: no such account; AuthenticationFailed,
        PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print([(line.actor, line.before, line.after) for line in admin.log.list(action="key.")])`
        """
        return self._link.ask(
            admin.log(
                account, since, until, actor=actor, action=action, target=target, limit=limit, after=after
            )
        )


class Prices(_Resource):
    """Every version of the price book."""

    def list(self) -> list[PriceBook]:
        """The oldest first; prices are nano-dollars per million tokens.

        Raises: AuthenticationFailed, PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print([book.version for book in admin.prices.list() if book.in_force])`
        """
        return self._link.ask(admin.prices())

    def publish(self, toml: str) -> PriceBook:
        """Enters the next version, as TOML, which takes effect at an instant to come; gateways that run pick it up.

        Raises: BadRequest: it cannot be read; Conflict: its version is taken, or it takes effect too soon; and what `list`
        raises.

        Example: `admin.prices.publish(Path("prices.toml").read_text())`
        """
        return self._link.ask(admin.publish_prices(toml))


class Workers(_Resource):
    """Inference servers, added and taken away while everything runs.  Each method answers with all of them."""

    def list(self) -> AllWorkers:
        """All, with what each has to do for the process that answers.

        Raises: AuthenticationFailed, PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print([worker.name for worker in admin.workers.list() if worker.out])`
        """
        return self._link.ask(admin.workers())

    def add(
        self,
        url: str,
        *,
        models: Sequence[str] = (),
        weight: int | None = None,
        concurrency_max: int | None = None,
    ) -> AllWorkers:
        """Adds one by its URL; without `models` its own list is read.  `concurrency_max`: requests at a time.

        Raises: Conflict: it is there; BadRequest: no URL of a server; and what `list` raises.

        Example: `admin.workers.add("http://127.0.0.1:9", weight=2)`
        """
        return self._link.ask(admin.add_worker(url, models, weight, concurrency_max))

    def change(
        self,
        name: str,
        *,
        cordoned: bool | UnsetType = UNSET,
        weight: int | UnsetType | None = UNSET,
        concurrency_max: int | UnsetType | None = UNSET,
    ) -> AllWorkers:
        """Changes what is given; None: as configured.  A cordoned one gets nothing new, and finishes what it is doing.

        Raises: NotFound: no such worker; and what `list` raises.

        Example: `admin.workers.change("http://127.0.0.1:9", cordoned=True)`
        """
        changes = {"cordoned": cordoned, "weight": weight, "concurrency_max": concurrency_max}
        return self._link.ask(admin.change_worker(name, changes))

    def remove(self, name: str) -> AllWorkers:
        """Removes one that was added or joined; those of the configuration can only be cordoned.

        Raises: NotFound: none was added by this name; and what `list` raises.

        Example: `admin.workers.remove("http://127.0.0.1:9")`
        """
        return self._link.ask(admin.remove_worker(name))
