"""Accounts and their credit."""

from typing import Any

import msgspec

from gateway.accounts.types import Account
from gateway.api.schemas.shapes import money
from gateway.credit.types import NEVER_US, Balance, Grant, OpenGrant
from gateway.kit.clock import rfc3339


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`grant_usd` is exactly its credit; left out, the price book's sign-up grant."""

    name: str
    grant_usd: str | None = None


class NewGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    amount_usd: str
    kind: str = "top_up"
    reason: str = ""
    expires_at: str | None = None
    priority: int | None = None


class CreditLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    credit_limit_usd: str


def account_fields(account: Account) -> dict[str, Any]:
    return {"id": account.id, "name": account.name, "created_at": rfc3339(account.created_us)}


def grant_fields(grant: Grant, left_nanousd: int | None = None) -> dict[str, Any]:
    return {
        "id": grant.id,
        "kind": grant.kind,
        **money("amount", grant.amount_nanousd),
        **({} if left_nanousd is None else money("left", left_nanousd)),
        "priority": grant.priority,
        "reason": grant.reason,
        "created_at": rfc3339(grant.created_us),
        "expires_at": None if grant.expires_us is None else rfc3339(grant.expires_us),
    }


def credit_fields(balance: Balance, grants: list[Grant], open_grants: list[OpenGrant]) -> dict[str, Any]:
    """`held` is what gateways set aside for running requests and, for moments, in advance."""
    left = {grant.grant_id: grant.left_nanousd for grant in open_grants}
    return {
        "object": "credits",
        "account_id": balance.account_id,
        **money("granted", balance.granted_nanousd),
        **money("settled", balance.settled_nanousd),
        **money("held", balance.held_nanousd),
        **money("credit_limit", balance.credit_limit_nanousd),
        **money("available", balance.available_nanousd),
        **money("remaining", balance.remaining_nanousd),
        "free_tier_renews_at": None if balance.renew_us == NEVER_US else rfc3339(balance.renew_us),
        "grants": [grant_fields(grant, left.get(grant.id)) for grant in grants],
    }
