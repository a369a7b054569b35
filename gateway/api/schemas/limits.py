"""Limits: what may be set, and what is told of them."""

from typing import Annotated, Any, Literal

import msgspec

from gateway.limits.look import View
from gateway.limits.set import Changes
from gateway.limits.types import FIELDS, KINDS, LIMIT_MAX, UNLIMITED, Limits

_Limit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)]
_Unlimited = Literal["unlimited"]


class KeyLimitsChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is named is changed; null removes a limit of the key, whose account's still hold."""

    requests_per_minute: _Limit | msgspec.UnsetType | None = msgspec.UNSET
    input_tokens_per_minute: _Limit | msgspec.UnsetType | None = msgspec.UNSET
    output_tokens_per_minute: _Limit | msgspec.UnsetType | None = msgspec.UNSET
    concurrency: _Limit | msgspec.UnsetType | None = msgspec.UNSET


class AccountLimitsChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is named is changed; null is the installation's default again, `unlimited` is none whatever that says."""

    requests_per_minute: _Limit | _Unlimited | msgspec.UnsetType | None = msgspec.UNSET
    input_tokens_per_minute: _Limit | _Unlimited | msgspec.UnsetType | None = msgspec.UNSET
    output_tokens_per_minute: _Limit | _Unlimited | msgspec.UnsetType | None = msgspec.UNSET
    concurrency: _Limit | _Unlimited | msgspec.UnsetType | None = msgspec.UNSET


class OwnLimits(msgspec.Struct, frozen=True, kw_only=True):
    """As they were set; null: nothing was."""

    requests_per_minute: int | _Unlimited | None
    input_tokens_per_minute: int | _Unlimited | None
    output_tokens_per_minute: int | _Unlimited | None
    concurrency: int | _Unlimited | None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """By kind of limit."""

    requests: int
    input_tokens: int
    output_tokens: int
    concurrency: int


class LimitsInfo(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="limits"):
    """The limits in force (null: none), what was set, what is in use in this minute, and refusals of the last 24 hours.

    Of what processes set aside in advance some may not have been used yet.
    """

    account_id: str
    key_id: str | None
    requests_per_minute: int | None
    input_tokens_per_minute: int | None
    output_tokens_per_minute: int | None
    concurrency: int | None
    own: OwnLimits
    used: Counts
    refused: Counts


def limit_changes(data: KeyLimitsChange | AccountLimitsChange) -> Changes:
    """What is named."""
    named = {name: getattr(data, name) for name in FIELDS}
    return {
        name: UNLIMITED if value == "unlimited" else value
        for name, value in named.items()
        if value is not msgspec.UNSET
    }


def limits_info(view: View) -> LimitsInfo:
    return LimitsInfo(
        account_id=view.account_id,
        key_id=view.key_id or None,
        **msgspec.structs.asdict(view.limits),
        own=OwnLimits(**_words(view.own)),
        used=Counts(**dict(zip(KINDS, view.used, strict=True))),
        refused=Counts(**view.refused_in_all),
    )


def _words(own: Limits) -> dict[str, Any]:
    return {
        name: "unlimited" if value == UNLIMITED else value
        for name, value in msgspec.structs.asdict(own).items()
    }
