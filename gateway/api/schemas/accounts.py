"""Accounts and their credit."""

from typing import Annotated

import msgspec

from gateway.accounts.types import Account
from gateway.api.schemas.shapes import GivenInstant, GivenUsd, Instant, NanoUsd, SignedUsd, Text, Usd, money
from gateway.credit.give import GIVEN_KINDS
from gateway.credit.types import NEVER_US, Balance, Grant, GrantKind, OpenGrant
from gateway.kit.clock import rfc3339

_GivenKind = Annotated[str, msgspec.Meta(extra_json_schema={"enum": GIVEN_KINDS})]
_Priority = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`grant_usd` is exactly its credit; left out, the price book's sign-up grant and monthly free tier."""

    name: Annotated[Text, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": 200})]
    grant_usd: GivenUsd | None = None


class NewGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Credit to give.  Only a correction may be negative; of grants that expire together the lowest priority is used first."""

    amount_usd: SignedUsd
    kind: _GivenKind = "top_up"
    reason: Annotated[Text, msgspec.Meta(max_length=500)] = ""
    expires_at: GivenInstant | None = None
    priority: _Priority | None = None


class CreditLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far an account may go beyond its credit; 0: prepaid."""

    credit_limit_usd: GivenUsd


class AccountInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays."""

    id: str
    name: str
    created_at: Instant


class CreditLimitInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An account's credit limit, as it is now."""

    account: str
    credit_limit_nanousd: NanoUsd
    credit_limit_usd: Usd


class GrantInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Credit that was given; negative for what was taken back.  `left` is said while there is some."""

    id: str
    kind: GrantKind
    amount_nanousd: NanoUsd
    amount_usd: Usd
    left_nanousd: NanoUsd | msgspec.UnsetType = msgspec.UNSET
    left_usd: Usd | msgspec.UnsetType = msgspec.UNSET
    priority: int
    reason: str
    created_at: Instant
    expires_at: Instant | None


class Credits(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="credits"):
    """An account's balance.  `available` = granted + credit_limit - settled - held.

    Settled is what was charged; held is what gateways set aside for running requests and, for moments, in advance.
    `remaining` does not subtract it.
    """

    account_id: str
    granted_nanousd: NanoUsd
    granted_usd: Usd
    settled_nanousd: NanoUsd
    settled_usd: Usd
    held_nanousd: NanoUsd
    held_usd: Usd
    credit_limit_nanousd: NanoUsd
    credit_limit_usd: Usd
    available_nanousd: NanoUsd
    available_usd: Usd
    remaining_nanousd: NanoUsd
    remaining_usd: Usd
    free_tier_renews_at: Instant | None
    grants: list[GrantInfo]


def account_info(account: Account) -> AccountInfo:
    return AccountInfo(id=account.id, name=account.name, created_at=rfc3339(account.created_us))


def grant_info(grant: Grant, left_nanousd: int | None = None) -> GrantInfo:
    return GrantInfo(
        id=grant.id,
        kind=grant.kind,
        **money("amount", grant.amount_nanousd),
        **({} if left_nanousd is None else money("left", left_nanousd)),
        priority=grant.priority,
        reason=grant.reason,
        created_at=rfc3339(grant.created_us),
        expires_at=None if grant.expires_us is None else rfc3339(grant.expires_us),
    )


def credits_of(balance: Balance, grants: list[Grant], open_grants: list[OpenGrant]) -> Credits:
    left = {grant.grant_id: grant.left_nanousd for grant in open_grants}
    return Credits(
        account_id=balance.account_id,
        **money("granted", balance.granted_nanousd),
        **money("settled", balance.settled_nanousd),
        **money("held", balance.held_nanousd),
        **money("credit_limit", balance.credit_limit_nanousd),
        **money("available", balance.available_nanousd),
        **money("remaining", balance.remaining_nanousd),
        free_tier_renews_at=None if balance.renew_us == NEVER_US else rfc3339(balance.renew_us),
        grants=[grant_info(grant, left.get(grant.id)) for grant in grants],
    )
