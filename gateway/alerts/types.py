from typing import Literal, get_args

import msgspec

from gateway.rollups.outlook import Outlook

RuleKind = Literal["spent_today", "spent_month", "credit_below", "credit_days", "anomaly"]
KINDS: tuple[RuleKind, ...] = get_args(RuleKind)
OF_CREDIT: frozenset[RuleKind] = frozenset({"credit_below", "credit_days"})
"""These are about the account alone, and fire when something falls; the others when something rises."""

TargetKind = Literal["mail", "webhook"]
MessageKind = Literal["alert.fired", "alert.recovered", "alert.test"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When to say something.  It is never changed: another one takes its place.

    `marks` are its thresholds, in rising order.  Of `spent_*` and `credit_below` each is a percentage of
    `amount_nanousd`; of `credit_days` a number of days; of `anomaly` a percentage of the mean of the days before,
    which counts from `amount_nanousd` a day on.
    """

    id: str
    account_id: str
    key_id: str | None
    """Only what this key spends; None: the account."""
    kind: RuleKind
    amount_nanousd: int
    marks: tuple[int, ...]
    created_us: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What rules look at."""

    remaining_nanousd: int
    account: Outlook
    by_key: dict[str, Outlook]
    """Of each key that has a rule."""


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """A rule passed a threshold in a period.  `recovered_us`: None while it is so."""

    id: str
    rule_id: str
    mark: int
    period: int
    """The day or the month, as a number that grows; of credit how often it fell so low."""
    account_id: str
    value: int
    """Nano-dollars, or days, when it fired."""
    fired_us: int
    recovered_us: int | None = None


class Fire(msgspec.Struct, frozen=True):
    """A decision: this threshold was passed."""

    rule: Rule
    mark: int
    period: int
    value: int


class Recover(msgspec.Struct, frozen=True):
    """A decision: it is over."""

    firing: Firing


class Standing(msgspec.Struct, frozen=True):
    """An account with rules.  `seen` changes whenever one of its figures may have changed."""

    account_id: str
    rules: tuple[Rule, ...]
    seen: tuple[int, ...]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to tell: a URL, or a member at the e-mail address that they have now."""

    id: str
    account_id: str
    kind: TargetKind
    address: str
    """Empty: they are no member any more, and get nothing."""
    person_id: str | None
    secret_number: int
    """How often its secret was made anew (sign.py)."""
    rotated_us: int | None
    paused_us: int | None
    """Since when nothing is sent there, because it said that it is gone."""
    created_us: int


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is said, to everybody alike; kept as it was decided.  For webhooks this is `data`."""

    kind: MessageKind
    at_us: int
    account_id: str
    account_name: str
    text: str
    alert_id: str | None = None
    rule_id: str | None = None
    rule_kind: RuleKind | None = None
    key_id: str | None = None
    mark: int | None = None
    amount_nanousd: int | None = None
    value: int | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way to a target: a row of the outbox.  `due_us`: None when it arrived or was given up."""

    id: str
    account_id: str
    target_id: str
    firing_id: str | None
    message: str
    created_us: int
    due_us: int | None
    attempts: int = 0
    delivered_us: int | None = None
    given_up_us: int | None = None
    last_error: str | None = None
