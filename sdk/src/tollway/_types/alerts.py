"""When an account is told about its spending and credit."""

from __future__ import annotations

from typing import Literal

import msgspec

from tollway._money import Money

AlertKind = Literal["spent_today", "spent_month", "credit_below", "credit_days", "anomaly"]


class Alert(msgspec.Struct, frozen=True):
    """A rule.  `thresholds` are percentages of the amount; of `anomaly`, of the mean of the days before; of `credit_days`, days.

    `fires`: it has passed a threshold in this day or month, or (of credit) is below it now.
    """

    id: str
    account_id: str
    kind: str
    thresholds: tuple[int, ...]
    amount_usd: str | None = None
    key_id: str | None = None
    created_at: str = ""
    fires: bool = False

    @property
    def amount(self) -> Money | None:
        """What the thresholds are of; None of `credit_days`."""
        return None if self.amount_usd is None else Money.from_usd(self.amount_usd)
