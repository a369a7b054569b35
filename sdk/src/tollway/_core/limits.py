"""Requests about limits, of an account or a key, by a customer or an operator."""

from __future__ import annotations

import msgspec

from tollway._core import wire
from tollway._core.own import written
from tollway._core.request import Call, encode, path
from tollway._types.limits import Limits, Unlimited

Limit = int | None | msgspec.UnsetType
"""A key's limit: None for none, or not mentioned."""
AccountLimit = int | Unlimited | None | msgspec.UnsetType
"""An account's: None for the installation's default, "unlimited" for none whatever that says."""


def own() -> Call[Limits]:
    return Call("GET", "/v1/limits", wire.reader(Limits))


def of_key(key_id: str, *, admin: bool = False) -> Call[Limits]:
    return Call("GET", _key(key_id, admin=admin), wire.reader(Limits))


def set_of_key(
    key_id: str, requests: Limit, inputs: Limit, outputs: Limit, concurrency: Limit, *, admin: bool = False
) -> Call[Limits]:
    body = encode(_named(requests, inputs, outputs, concurrency))
    return Call("PATCH", _key(key_id, admin=admin), wire.reader(Limits), body)


def of_account(account: str) -> Call[Limits]:
    return Call("GET", path("admin", "v1", "accounts", account, "limits"), wire.reader(Limits))


def set_of_account(
    account: str,
    requests: AccountLimit,
    inputs: AccountLimit,
    outputs: AccountLimit,
    concurrency: AccountLimit,
) -> Call[Limits]:
    body = encode(_named(requests, inputs, outputs, concurrency))
    return Call("PATCH", path("admin", "v1", "accounts", account, "limits"), wire.reader(Limits), body)


def _key(key_id: str, *, admin: bool) -> str:
    return path(*(("admin",) if admin else ()), "v1", "keys", key_id, "limits")


def _named(
    requests: AccountLimit, inputs: AccountLimit, outputs: AccountLimit, concurrency: AccountLimit
) -> dict[str, object]:
    return written(
        {
            "requests_per_minute": requests,
            "input_tokens_per_minute": inputs,
            "output_tokens_per_minute": outputs,
            "concurrency": concurrency,
        }
    )
