"""The resources of `tollway.admin.Admin`, blocking.  `admin_async.py` is the same for asyncio."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, UnsetType

from tollway._core import admin
from tollway._core.admin import StatementFormat
from tollway._core.own import Cap
from tollway._money import Usd
from tollway._shells.transport import Link
from tollway._types.account import Credits, Grant, Key, NewKey, Page
from tollway._types.admin import (
    Account,
    AccountReceipt,
    AccountUsage,
    AdminGroupBy,
    AuditReport,
    CreditLimit,
    Drift,
    GrantKind,
    Policy,
    PriceBook,
    Statement,
    Worker,
)

AllWorkers = list[Worker]


class _Resource:
    def __init__(self, link: Link) -> None:
        self._link = link


class Accounts(_Resource):
    """Who pays, their credit, and their bills.  `account` is a name or an id."""

    def list(self) -> list[Account]:
        """All, by name.

        Raises: AuthenticationFailed, PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print([account.name for account in admin.accounts.list()])`
        """
        return self._link.ask(admin.accounts())

    def create(self, name: str, *, grant_usd: Usd | None = None) -> Account:
        """Opens one.  `grant_usd` is exactly its credit; without, what the price book gives at sign-up and monthly.

        Raises: Conflict: the name is taken; ValueError: no amount; and what `list` raises.

        Example: `admin.accounts.create("gauss", grant_usd="25")`
        """
        return self._link.ask(admin.create_account(name, grant_usd))

    def credits(self, account: str) -> Credits:
        """Its balance, and the grants it is made of, in nano-dollars.

        Raises: NotFound: no such account; and what `list` raises.

        Example: `print(admin.accounts.credits("acme").available)`
        """
        return self._link.ask(admin.account_credits(account))

    def grant(
        self,
        account: str,
        amount_usd: Usd,
        *,
        kind: GrantKind = "top_up",
        reason: str = "",
        expires_at: datetime | str | None = None,
        priority: int | None = None,
    ) -> Grant:
        """Gives credit in US dollars; a negative `correction` takes some back.  Of grants that expire together the lowest
        `priority` is used first.

        Raises: NotFound: no such account; Conflict: a correction takes more than there is; BadRequest: it expires in the
        past; ValueError: no amount; and what `list` raises.

        Example: `print(admin.accounts.grant("acme", "10", reason="invoice 7").amount)`
        """
        return self._link.ask(admin.grant(account, amount_usd, kind, reason, expires_at, priority))

    def set_credit_limit(self, account: str, usd: Usd) -> CreditLimit:
        """How far it may go beyond its credit, in US dollars, to be invoiced; 0: prepaid.

        Raises: NotFound: no such account; Conflict: it already owes more; ValueError: no amount; and what `list` raises.

        Example: `print(admin.accounts.set_credit_limit("acme", 50).credit_limit)`
        """
        return self._link.ask(admin.credit_limit(account, usd))

    def statement(self, account: str, month: str) -> Statement:
        """Its bill of a calendar month (UTC) like 2026-11, in nano-dollars and whole cents.

        Raises: NotFound: no such account; BadRequest: no month; and what `list` raises.

        Example: `print(admin.accounts.statement("acme", "2026-11").due)`
        """
        return self._link.ask(admin.statement(account, month))

    def statement_file(self, account: str, month: str, form: StatementFormat = "pdf") -> bytes:
        """The same bill as a file to send.

        Raises: APIStatusError: 501, this gateway was installed without what writes PDFs; and what `statement` raises.

        Example: `Path("acme.html").write_bytes(admin.accounts.statement_file("acme", "2026-11", "html"))`
        """
        return self._link.ask(admin.statement_file(account, month, form))


class Keys(_Resource):
    """Everybody's keys."""

    def list(self) -> list[Key]:
        """All, the oldest first, revoked ones and operators' too, without their secrets.

        Raises: AuthenticationFailed, PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print([key.name for key in admin.keys.list() if key.revoked_at is None])`
        """
        return self._link.ask(admin.keys())

    def create(
        self,
        account: str,
        name: str = "default",
        *,
        cap_day_usd: Cap = None,
        cap_month_usd: Cap = None,
        cap_total_usd: Cap = None,
        policy: Policy | None = None,
        manages_keys: bool = False,
    ) -> NewKey:
        """A key for an account; `.key` is its secret, which is never shown again.  Caps are US dollars per UTC day, month, in all.

        `policy` says which workers serve it (None: the model's), `manages_keys` lets it make and revoke the account's others.

        Raises: NotFound: no such account; ValueError: a cap is no amount; and what `list` raises.

        Example: `print(admin.keys.create("acme", "ci", cap_month_usd="20").key)`
        """
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        others = {"policy": policy, "manages_keys": manages_keys}
        return self._link.ask(admin.create_key(account, name, caps, others))

    def change(
        self,
        key_id: str,
        *,
        name: str | UnsetType = UNSET,
        cap_day_usd: Cap = UNSET,
        cap_month_usd: Cap = UNSET,
        cap_total_usd: Cap = UNSET,
        policy: Policy | UnsetType | None = UNSET,
        manages_keys: bool | UnsetType = UNSET,
    ) -> Key:
        """Changes what is given; None removes a cap, and leaves the policy to the model.  What was spent so far counts.

        Raises: NotFound: no such key; ValueError: a cap is no amount; and what `list` raises.

        Example: `admin.keys.change(key.id, cap_day_usd="5", policy="local-only")`
        """
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        changes = {"name": name, "policy": policy, "manages_keys": manages_keys, **caps}
        return self._link.ask(admin.change_key(key_id, changes))

    def revoke(self, key_id: str) -> Key:
        """Ends a key for good; what it is doing it may finish, and what it spent stays on the books.

        Raises: NotFound: no such key; and what `list` raises.

        Example: `admin.keys.revoke(key.id)`
        """
        return self._link.ask(admin.revoke_key(key_id))

    def rotate(self, key_id: str) -> NewKey:
        """A new secret for a key, which keeps its name, caps and spending; the old one is refused from now on.

        Raises: NotFound: no such key; Conflict: it is revoked; and what `list` raises.

        Example: `print(admin.keys.rotate(key.id).key)`
        """
        return self._link.ask(admin.rotate_key(key_id))


class Usage(_Resource):
    """Sums of everybody's tokens and money."""

    def list(
        self,
        group_by: AdminGroupBy = "account",
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        *,
        account: str | None = None,
        model: str | None = None,
        key_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[AccountUsage]:
        """By account, key, model or day (UTC): tokens, and nano-dollars, of the requests in [since, until).

        Instants are RFC 3339 texts or datetimes with a timezone; None is without bound.  At most `limit` rows (1,000).

        Raises: BadRequest: an instant or the limit cannot be read; NotFound: no such account; AuthenticationFailed,
        PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print([(row.account_name, row.cost) for row in admin.usage.list(since="2026-11-01T00:00:00Z")])`
        """
        return self._link.ask(
            admin.usage(
                group_by, since, until, account=account, model=model, key_id=key_id, limit=limit, after=after
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
