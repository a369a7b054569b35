from typing import Literal

import msgspec

GrantKind = Literal["sign_up", "monthly_free", "top_up", "promotion", "correction", "expiry"]
NEVER_US = 2**63 - 1
"""An instant that does not come: of a grant that never expires, of an account without a free tier."""

PRIORITIES: dict[GrantKind, int] = {
    "monthly_free": 0,
    "promotion": 10,
    "sign_up": 20,
    "top_up": 30,
    "correction": 30,
    "expiry": 30,
}
"""Of two grants that expire together the lower burns down first: what was given before what was paid for."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Credit given.  `amount_nanousd` is negative only for a correction, and for the expiry of what was not used."""

    id: str
    account_id: str
    kind: GrantKind
    amount_nanousd: int
    reason: str
    created_us: int
    expires_us: int | None = None
    priority: int = 30


class OpenGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a grant."""

    grant_id: str
    account_id: str
    left_nanousd: int
    expires_us: int
    priority: int
    created_us: int


class GrantUse(msgspec.Struct, frozen=True, kw_only=True):
    """So much of a grant went to a request, or to the grant row that took it back (a correction, an expiry)."""

    grant_id: str
    used_by: str
    amount_nanousd: int


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """An account's counters, in nano-dollars."""

    account_id: str
    granted_nanousd: int
    settled_nanousd: int
    held_nanousd: int
    """What the gateways have drawn in advance and not yet settled or given back."""
    credit_limit_nanousd: int
    """How far a postpaid account may go beyond what was granted; 0: prepaid."""
    renew_us: int = NEVER_US
    """When the monthly free tier is next given."""
    turn_us: int = NEVER_US
    """The next instant at which something is renewed or expires: until then nothing changes by itself."""
    chain_seq: int = 0
    chain_hash: str = ""
    """The account's last receipt: its number and its hash (metering/chain.py)."""

    @property
    def remaining_nanousd(self) -> int:
        """Credit not yet spent: what a receipt shows as left.  Running requests still hold some of it."""
        return self.granted_nanousd + self.credit_limit_nanousd - self.settled_nanousd

    @property
    def available_nanousd(self) -> int:
        """What may still be drawn."""
        return self.remaining_nanousd - self.held_nanousd


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a key or a project may spend, in nano-dollars, per UTC day, per UTC month and in all; None: no limit."""

    day_nanousd: int | None = None
    month_nanousd: int | None = None
    total_nanousd: int | None = None


NO_CAPS = Caps()


def caps_of(day_nanousd: int | None, month_nanousd: int | None, total_nanousd: int | None) -> Caps:
    """The very NO_CAPS where there are none, so that the many requests without make nothing new."""
    if day_nanousd is None and month_nanousd is None and total_nanousd is None:
        return NO_CAPS
    return Caps(day_nanousd=day_nanousd, month_nanousd=month_nanousd, total_nanousd=total_nanousd)


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """What a subject, a key or a project, spent and holds in one period: `day:2026-11-23`, `month:2026-11` or `total`."""

    subject_id: str
    account_id: str
    period: str
    settled_nanousd: int
    held_nanousd: int


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks to have set aside: its prompt at worst, and up to `output_tokens_max` of answer.

    A shorter answer will do, where credit is short.
    """

    request_id: str
    account_id: str
    key_id: str
    prompt_nanousd: int
    output_tokens_max: int
    output_price_nanousd_per_mtok: int
    only_from_plenty: bool = False
    """An upper bound: held only where that deprives nobody; else the request comes back with its exact count."""
    caps: Caps = NO_CAPS
    project_id: str | None = None
    project_caps: Caps = NO_CAPS
    monthly_free_nanousd: int = 0
    """What the price book gives each month to accounts that have a free tier."""

    @property
    def capped(self) -> tuple[tuple[str, Caps], ...]:
        """The subjects whose counters must allow it, all of them: the key, its project, both or none."""
        if self.caps == NO_CAPS and self.project_caps == NO_CAPS:
            return ()
        both = ((self.key_id, self.caps), (self.project_id or "", self.project_caps))
        return tuple((subject, caps) for subject, caps in both if caps != NO_CAPS)


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """The cap that is in a request's way: whose, of which period, and how much it is."""

    subject_id: str
    period: str
    cap_nanousd: int


class LeaseId(msgspec.Struct, frozen=True):
    """One process's lease of an account; of a day and of the capped among a key and its project, whose own counters hold it too."""

    account_id: str
    key_id: str = ""
    project_id: str = ""
    day_us: int = 0

    @property
    def subjects(self) -> tuple[str, ...]:
        """The key, the project, both, or none."""
        return tuple([subject for subject in (self.key_id, self.project_id) if subject])


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Credit set aside for one request.  `output_tokens_max` is what it affords: clamped when credit was short."""

    request_id: str
    account_id: str
    key_id: str
    project_id: str | None = None
    """The key's project when the request began: its bill stays there, wherever the key goes."""
    amount_nanousd: int
    output_tokens_max: int
    created_us: int
    process_id: str
    lease_id: LeaseId
