"""Requests about payments, of an account's key and of an operator's."""

from __future__ import annotations

from tollway._core import wire
from tollway._core.own import post, written
from tollway._core.request import Call, encode, path
from tollway._money import Usd
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

_RULE = "/v1/auto_top_up"


def order(amount_usd: Usd) -> Call[TopUp]:
    return post("/v1/top_ups", written({"amount_usd": amount_usd}), wire.reader(TopUp))


def top_ups(limit: int | None) -> Call[list[TopUp]]:
    return Call("GET", path("v1", "top_ups", limit=limit), wire.list_reader(TopUp))


def rule() -> Call[AutoTopUp]:
    return Call("GET", _RULE, wire.reader(AutoTopUp))


def set_rule(below_usd: Usd, amount_usd: Usd, daily_max_usd: Usd) -> Call[AutoTopUp]:
    body = {"below_usd": below_usd, "amount_usd": amount_usd, "daily_max_usd": daily_max_usd}
    return Call("PUT", _RULE, wire.reader(AutoTopUp), encode(written(body)))


def remove_rule() -> Call[None]:
    return Call("DELETE", _RULE, lambda _body, _request_id: None)


def invoices(limit: int | None, after: str | None) -> Call[Page[Invoice]]:
    return Call("GET", path("v1", "invoices", limit=limit, after=after), wire.reader(Page[Invoice]))


def invoice(invoice_id: str) -> Call[Invoice]:
    return Call("GET", path("v1", "invoices", invoice_id), wire.reader(Invoice))


def everybodys_invoices(account: str | None, limit: int | None, after: str | None) -> Call[Page[Invoice]]:
    where = path("admin", "v1", "invoices", account=account, limit=limit, after=after)
    return Call("GET", where, wire.reader(Page[Invoice]))


def status() -> Call[PaymentsStatus]:
    return Call("GET", "/admin/v1/stripe", wire.reader(PaymentsStatus))


def reconcile() -> Call[PaymentsReport]:
    return Call("POST", "/admin/v1/stripe/reconcile", wire.reader(PaymentsReport), encode({}))


def retry(intent_id: str) -> Call[OutboxEntry]:
    where = path("admin", "v1", "stripe", "outbox", intent_id, "retry")
    return Call("POST", where, wire.reader(OutboxEntry), encode({}))


def lift(account: str, because_of: str) -> Call[list[Suspension]]:
    where = path("admin", "v1", "accounts", account, "suspensions", because_of)
    return Call("DELETE", where, wire.list_reader(Suspension))
