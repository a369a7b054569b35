"""`admin.accounts` and `admin.keys` of an operator, blocking.  `admin_async.py` is the same for asyncio."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, UnsetType

from tollway._core import admin, limits
from tollway._core.admin import StatementFormat
from tollway._core.limits import AccountLimit, Limit
from tollway._core.own import Cap
from tollway._money import Usd
from tollway._shells.transport import Link
from tollway._types.account import Credits, Grant, Key, KeyMay, NewKey
from tollway._types.admin import (
    Account,
    CreditLimit,
    GrantKind,
    Policy,
    Statement,
)
from tollway._types.limits import Limits


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

    def limits(self, account: str) -> Limits:
        """What an account may use per minute and at once, what it uses right now, and how often it was refused lately.

        Raises: NotFound: no such account; and what `list` raises.

        Example: `print(admin.accounts.limits("acme").refused.requests)`
        """
        return self._link.ask(limits.of_account(account))

    def set_limits(
        self,
        account: str,
        *,
        requests_per_minute: AccountLimit = UNSET,
        input_tokens_per_minute: AccountLimit = UNSET,
        output_tokens_per_minute: AccountLimit = UNSET,
        concurrency: AccountLimit = UNSET,
    ) -> Limits:
        """Sets what is given.  None is the installation's default again, "unlimited" none at all; tokens and requests are per minute.

        Raises: NotFound: no such account; BadRequest: a limit below 1; and what `list` raises.

        Example: `admin.accounts.set_limits("acme", requests_per_minute=600, concurrency="unlimited")`
        """
        return self._link.ask(
            limits.set_of_account(
                account, requests_per_minute, input_tokens_per_minute, output_tokens_per_minute, concurrency
            )
        )


class Keys(_Resource):
    """Everybody's keys."""

    def list(self) -> list[Key]:
        """All, the oldest first, revoked ones and operators' too, without their secrets.

        Raises: AuthenticationFailed, PermissionDenied: no operator's key; APIConnectionError, or another of the error tree.

        Example: `print([key.name for key in admin.keys.list() if key.revoked_at is None])`
        """
        return self._link.ask(admin.keys())

    def create(  # noqa: PLR0913 - as many as may be said of a key
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
        """A key for an account; `.key` is its secret, which is never shown again.  Caps are US dollars per UTC day, month, in all.

        `project` (a name or id) is whose budget it shares, `policy` says which workers serve it (None: the model's),
        `manages_keys` lets it make and revoke the account's others; `may` says scopes, models, addresses and an end.

        Raises: NotFound: no such account or project; Conflict: the project is archived; ValueError: a cap is no amount; and what `list` raises.

        Example: `print(admin.keys.create("acme", "ci", cap_month_usd="20").key)`
        """
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        others = {"project": project, "policy": policy, "manages_keys": manages_keys, **(may or {})}
        return self._link.ask(admin.create_key(account, name, caps, others))

    def change(  # noqa: PLR0913
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
        """Changes what is given; None removes a cap, removes from the project, and leaves the policy to the model.

        What was spent so far counts, and stays with the project in which it was spent.

        Raises: NotFound: no such key or project; Conflict: the project is archived; ValueError: a cap is no amount; and what `list` raises.

        Example: `admin.keys.change(key.id, cap_day_usd="5", policy="local-only")`
        """
        caps = {"cap_day_usd": cap_day_usd, "cap_month_usd": cap_month_usd, "cap_total_usd": cap_total_usd}
        others = {"project": project, "policy": policy, "manages_keys": manages_keys}
        changes = {"name": name, **others, **caps, **(may or {})}
        return self._link.ask(admin.change_key(key_id, changes))

    def revoke(self, key_id: str) -> Key:
        """Ends a key for good; what it is doing it may finish, and what it spent stays on the books.

        Raises: NotFound: no such key; and what `list` raises.

        Example: `admin.keys.revoke(key.id)`
        """
        return self._link.ask(admin.revoke_key(key_id))

    def rotate(self, key_id: str, *, overlap_s: int = 0) -> NewKey:
        """A new secret for a key, which keeps all else; the old one is refused after `overlap_s` seconds, a week at most.

        Raises: NotFound: no such key; Conflict: it is revoked; and what `list` raises.

        Example: `print(admin.keys.rotate(key.id).key)`
        """
        return self._link.ask(admin.rotate_key(key_id, overlap_s))

    def limits(self, key_id: str) -> Limits:
        """What a key may use per minute and at once, and what it uses right now; its account's limits hold as well.

        Raises: NotFound: no such key; and what `list` raises.

        Example: `print(admin.keys.limits(key.id).used.requests)`
        """
        return self._link.ask(limits.of_key(key_id, admin=True))

    def set_limits(
        self,
        key_id: str,
        *,
        requests_per_minute: Limit = UNSET,
        input_tokens_per_minute: Limit = UNSET,
        output_tokens_per_minute: Limit = UNSET,
        concurrency: Limit = UNSET,
    ) -> Limits:
        """Sets what is given; None removes a limit of the key.  Tokens and requests are per minute, none above the account's.

        Raises: BadRequest: a limit below 1 or above the account's; NotFound: no such key; and
        what `list` raises.

        Example: `admin.keys.set_limits(key.id, requests_per_minute=60, concurrency=4)`
        """
        return self._link.ask(
            limits.set_of_key(
                key_id,
                requests_per_minute,
                input_tokens_per_minute,
                output_tokens_per_minute,
                concurrency,
                admin=True,
            )
        )
