"""Requests for what an operator sees and does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from tollway._core import wire
from tollway._core.own import Cap, post, written
from tollway._core.request import Call, encode, instant, path
from tollway._money import Money, Usd
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
    LogEntry,
    PriceBook,
    Statement,
    Worker,
)

StatementFormat = Literal["html", "pdf"]
_WORKERS = "/admin/v1/workers"


def accounts() -> Call[list[Account]]:
    return Call("GET", "/admin/v1/accounts", wire.list_reader(Account))


def create_account(name: str, grant_usd: Usd | None) -> Call[Account]:
    body: dict[str, object] = {"name": name}
    if grant_usd is not None:
        body["grant_usd"] = Money.from_usd(grant_usd).usd
    return post("/admin/v1/accounts", body, wire.reader(Account))


def account_credits(account: str) -> Call[Credits]:
    return Call("GET", path("admin", "v1", "accounts", account, "credits"), wire.reader(Credits))


def grant(
    account: str,
    amount_usd: Usd,
    kind: GrantKind,
    reason: str,
    expires_at: datetime | str | None,
    priority: int | None,
) -> Call[Grant]:
    body = {
        "amount_usd": Money.from_usd(amount_usd).usd,
        "kind": kind,
        "reason": reason,
        "expires_at": instant(expires_at),
        "priority": priority,
    }
    return post(path("admin", "v1", "accounts", account, "grants"), body, wire.reader(Grant))


def credit_limit(account: str, usd: Usd) -> Call[CreditLimit]:
    body = encode({"credit_limit_usd": Money.from_usd(usd).usd})
    return Call(
        "PUT", path("admin", "v1", "accounts", account, "credit_limit"), wire.reader(CreditLimit), body
    )


def statement(account: str, month: str) -> Call[Statement]:
    return Call("GET", path("admin", "v1", "accounts", account, "statements", month), wire.reader(Statement))


def statement_file(account: str, month: str, form: StatementFormat) -> Call[bytes]:
    where = path("admin", "v1", "accounts", account, "statements", month, format=form)
    return Call("GET", where, lambda body, _: body)


def keys() -> Call[list[Key]]:
    return Call("GET", "/admin/v1/keys", wire.list_reader(Key))


def create_key(account: str, name: str, caps: Mapping[str, Cap], others: Mapping[str, Any]) -> Call[NewKey]:
    body = {"account": account, "name": name, **written(caps), **written(others)}
    return post("/admin/v1/keys", body, wire.reader(NewKey))


def change_key(key_id: str, changes: Mapping[str, Any]) -> Call[Key]:
    return Call("PATCH", path("admin", "v1", "keys", key_id), wire.reader(Key), encode(written(changes)))


def revoke_key(key_id: str) -> Call[Key]:
    return Call("DELETE", path("admin", "v1", "keys", key_id), wire.reader(Key))


def rotate_key(key_id: str, overlap_s: int) -> Call[NewKey]:
    return post(
        path("admin", "v1", "keys", key_id, "rotate", overlap_s=overlap_s or None), {}, wire.reader(NewKey)
    )


def usage(  # noqa: PLR0913 - as many as there are filters
    group_by: AdminGroupBy,
    since: datetime | str | None,
    until: datetime | str | None,
    *,
    account: str | None,
    model: str | None,
    key_id: str | None,
    project_id: str | None,
    limit: int | None,
    after: str | None,
    detail: bool = False,
) -> Call[Page[AccountUsage]]:
    where = path(
        "admin", "v1", "usage", group_by=group_by, since=instant(since), until=instant(until), account=account,
        model=model, key_id=key_id, project_id=project_id, limit=limit, after=after, detail="true" if detail else None,
    )  # fmt: skip
    return Call("GET", where, wire.reader(Page[AccountUsage]))


def receipt(request_id: str) -> Call[AccountReceipt]:
    return Call("GET", path("admin", "v1", "receipts", request_id), wire.reader(AccountReceipt))


def audit() -> Call[AuditReport]:
    return Call("GET", "/admin/v1/audit", wire.reader(AuditReport))


def drift() -> Call[list[Drift]]:
    return Call("GET", "/admin/v1/drift", wire.list_reader(Drift))


def log(
    account: str | None,
    since: datetime | str | None,
    until: datetime | str | None,
    *,
    actor: str | None,
    action: str | None,
    target: str | None,
    limit: int | None,
    after: str | None,
) -> Call[Page[LogEntry]]:
    where = path(
        "admin", "v1", "log", account=account, since=instant(since), until=instant(until), actor=actor,
        action=action, target=target, limit=limit, after=after,
    )  # fmt: skip
    return Call("GET", where, wire.reader(Page[LogEntry]))


def prices() -> Call[list[PriceBook]]:
    return Call("GET", "/admin/v1/prices", wire.list_reader(PriceBook))


def publish_prices(toml: str) -> Call[PriceBook]:
    return post("/admin/v1/prices", {"toml": toml}, wire.reader(PriceBook))


def workers() -> Call[list[Worker]]:
    return Call("GET", _WORKERS, wire.list_reader(Worker))


def add_worker(
    url: str, models: Sequence[str], weight: int | None, concurrency_max: int | None
) -> Call[list[Worker]]:
    body = {"url": url, "models": list(models), "weight": weight, "concurrency_max": concurrency_max}
    return post(_WORKERS, body, wire.list_reader(Worker))


def change_worker(name: str, changes: Mapping[str, Any]) -> Call[list[Worker]]:
    named = {field: value for field, value in changes.items() if value is not msgspec.UNSET}
    return Call("PATCH", _WORKERS, wire.list_reader(Worker), encode({"name": name, **named}))


def remove_worker(name: str) -> Call[list[Worker]]:
    """Not sent again when it may have arrived: there would be nothing to remove."""
    return Call("DELETE", path("admin", "v1", "workers", name=name), wire.list_reader(Worker), harmless=False)


def metrics() -> Call[str]:
    return Call("GET", "/metrics", lambda body, _: body.decode())
