"""Alerts: what may be asked for, and what is told."""

from collections.abc import Container
from typing import Annotated

import msgspec

from gateway.alerts.types import Rule, RuleKind
from gateway.api.schemas.shapes import GivenUsd, Instant, Text, Usd
from gateway.kit.clock import rfc3339
from gateway.kit.money import format_usd

_Threshold = Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1})]


class NewAlert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When something shall be said.  `thresholds` are percentages of the amount (100 if there are none); of `anomaly`, of the
    mean of the days before (250: two and a half times); of `credit_days`, days.
    """

    kind: RuleKind
    amount_usd: GivenUsd | None = None
    """What the thresholds are of; of `anomaly` what a day must cost at least; of `credit_days` none."""
    thresholds: list[_Threshold] = []
    key_id: Text | None = None
    """Only what this key spends; null: the account."""


class AlertInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A rule.  `fires`: it has passed a threshold in this day or month, or (of credit) is below it now."""

    id: str
    account_id: str
    kind: RuleKind
    amount_usd: Usd | None
    thresholds: list[int]
    key_id: str | None
    created_at: Instant
    fires: bool


def alert_info(rule: Rule, firing: Container[str] = ()) -> AlertInfo:
    """`firing`: the ids of rules that fire."""
    return AlertInfo(
        id=rule.id,
        account_id=rule.account_id,
        kind=rule.kind,
        amount_usd=None if rule.kind == "credit_days" else format_usd(rule.amount_nanousd),
        thresholds=list(rule.marks),
        key_id=rule.key_id,
        created_at=rfc3339(rule.created_us),
        fires=rule.id in firing,
    )
