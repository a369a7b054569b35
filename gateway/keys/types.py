from typing import Literal

import msgspec

from gateway.limits.types import Limits

Kind = Literal["account", "operator"]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key.  `hint` is its first characters, enough for a person to tell keys apart."""

    id: str
    kind: Kind
    account_id: str | None
    name: str
    hint: str
    created_us: int
    revoked_us: int | None = None
    cap_day_nanousd: int | None = None
    cap_month_nanousd: int | None = None
    cap_total_nanousd: int | None = None
    """The most it may spend per UTC day, per UTC month and in all; None: no limit but its account's."""
    policy: str | None = None
    """Which workers may serve it (workers/order_by.py); None: as its model's, or everybody's."""
    manages_keys: bool = False
    """Whether it may make, change, revoke and rotate the other keys of its account (manage.py)."""
    project_id: str | None = None
    """Whose budget it spends from, besides its own caps; None: of no project."""


class Caller(msgspec.Struct, frozen=True):
    """A proven identity: the key that called, the account it spends for (None for an operator), its caps, its policy, its limits, its project."""

    key_id: str
    kind: Kind
    account_id: str | None
    cap_day_nanousd: int | None = None
    cap_month_nanousd: int | None = None
    cap_total_nanousd: int | None = None
    policy: str | None = None
    project_id: str | None = None
    project_cap_day_nanousd: int | None = None
    project_cap_month_nanousd: int | None = None
    project_cap_total_nanousd: int | None = None
    account_limits: Limits | None = None
    key_limits: Limits | None = None
    """What was set for its account and for itself (limits/); None: nothing was."""
    name: str = ""

    @property
    def actor(self) -> str:
        """Who it is in the audit log."""
        return f"key:{self.key_id} {self.name}"
