from typing import Literal

import msgspec

GrantKind = Literal["sign_up", "monthly_free", "top_up", "promotion", "correction", "expiry"]
NEVER_US = 2**63 - 1
"""`free_until_us` of an account without a free tier: its month never turns."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Credit given.  `amount_nanousd` is negative only for a correction, and for the expiry of what was not used."""

    id: str
    account_id: str
    kind: GrantKind
    amount_nanousd: int
    reason: str
    created_us: int
    expires_us: int | None = None


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """An account's counters, in nano-dollars."""

    account_id: str
    granted_nanousd: int
    settled_nanousd: int
    held_nanousd: int
    credit_limit_nanousd: int
    free_left_nanousd: int = 0
    """How much of `granted` is this month's free tier, unspent."""
    free_until_us: int = NEVER_US
    """When the month turns for this account."""

    @property
    def remaining_nanousd(self) -> int:
        """Credit not yet spent: what a receipt shows as left.  Running requests still hold some of it."""
        return self.granted_nanousd + self.credit_limit_nanousd - self.settled_nanousd

    @property
    def available_nanousd(self) -> int:
        """What a new request may hold."""
        return self.remaining_nanousd - self.held_nanousd


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks to have set aside: its prompt at worst, and up to `output_tokens_max` of answer."""

    request_id: str
    account_id: str
    key_id: str
    prompt_nanousd: int
    output_tokens_max: int
    output_price_nanousd_per_mtok: int
    monthly_free_nanousd: int = 0
    """What the price book gives each month to accounts that have a free tier."""
    expires_us: int


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Credit set aside.  `output_tokens_max` is what it affords: clamped when the balance was short."""

    request_id: str
    account_id: str
    key_id: str
    amount_nanousd: int
    output_tokens_max: int
    created_us: int
    expires_us: int
