"""Limits per minute and of requests at once."""

from __future__ import annotations

from typing import Literal

import msgspec

Unlimited = Literal["unlimited"]
"""None at all for an account, whatever the installation's default says."""


class LimitCounts(msgspec.Struct, frozen=True):
    """By kind of limit; requests and tokens of the minute, `concurrency` of this moment."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    concurrency: int = 0


class OwnLimits(msgspec.Struct, frozen=True):
    """As they were set; None: nothing was."""

    requests_per_minute: int | Unlimited | None = None
    input_tokens_per_minute: int | Unlimited | None = None
    output_tokens_per_minute: int | Unlimited | None = None
    concurrency: int | Unlimited | None = None


class Limits(msgspec.Struct, frozen=True):
    """What an account, or one of its keys (`key_id`), may use; None: no limit.

    `own` is what was set for it, `used` what is in use or set aside in this minute, `refused` how many requests were
    refused in the last 24 hours.
    """

    account_id: str
    key_id: str | None = None
    requests_per_minute: int | None = None
    input_tokens_per_minute: int | None = None
    output_tokens_per_minute: int | None = None
    concurrency: int | None = None
    own: OwnLimits = OwnLimits()
    used: LimitCounts = LimitCounts()
    refused: LimitCounts = LimitCounts()
