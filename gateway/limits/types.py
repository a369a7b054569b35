"""What is limited, in one order everywhere: requests, input tokens and output tokens per minute, and requests at once."""

from typing import Literal

import msgspec

from gateway.kit.clock import SECOND_US

Kind = Literal["requests", "input_tokens", "output_tokens", "concurrency"]
KINDS: tuple[Kind, ...] = ("requests", "input_tokens", "output_tokens", "concurrency")
SLOT = 3
"""Where `concurrency` stands in `Amounts`: what is in use goes on into the next minute; all else begins at 0."""

MINUTE_US = 60 * SECOND_US
LIMIT_MAX = 2**53 - 1
"""What every JSON reader takes for a whole number."""
UNLIMITED = 0
"""As an account's own setting: none, whatever the installation's default says.  No limit is 0."""

Amounts = tuple[int, int, int, int]
"""One number of each kind."""
NOTHING: Amounts = (0, 0, 0, 0)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """None: not limited, or, as an account's own setting, what the installation's default says."""

    requests_per_minute: int | None = None
    input_tokens_per_minute: int | None = None
    output_tokens_per_minute: int | None = None
    concurrency: int | None = None

    @property
    def each(self) -> tuple[int | None, int | None, int | None, int | None]:
        """By kind."""
        return (
            self.requests_per_minute,
            self.input_tokens_per_minute,
            self.output_tokens_per_minute,
            self.concurrency,
        )


FIELDS = Limits.__struct_fields__
FIELD_OF: dict[Kind, str] = dict(zip(KINDS, FIELDS, strict=True))
NO_LIMITS = Limits()


class Subject(msgspec.Struct, frozen=True):
    """Who is limited: an account, or (with `key_id`) one of its keys."""

    account_id: str
    key_id: str = ""

    @property
    def scope(self) -> Literal["account", "key"]:
        return "key" if self.key_id else "account"


class Bound(msgspec.Struct, frozen=True):
    """A subject, and the limits in force for it."""

    subject: Subject
    limits: Limits


class Lack(msgspec.Struct, frozen=True):
    """Why a request is not admitted: which limit of whom, how much was asked of it, and how much was left."""

    subject: Subject
    kind: Kind
    limit: int
    asked: int
    left: int


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A row: what one process has drawn of a subject's minute, and its slots until `expires_us`."""

    account_id: str
    key_id: str
    process_id: str
    minute_us: int
    requests: int
    input_tokens: int
    output_tokens: int
    concurrency: int
    expires_us: int

    @property
    def amounts(self) -> Amounts:
        return (self.requests, self.input_tokens, self.output_tokens, self.concurrency)


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """How often a key was refused in an hour, for one kind of limit."""

    account_id: str
    key_id: str
    kind: Kind
    hour_us: int
    process_id: str
    refusals: int


def add(one: Amounts, other: Amounts) -> Amounts:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3])


def minute_of(instant_us: int) -> int:
    """The first instant of its minute."""
    return instant_us // MINUTE_US * MINUTE_US


def in_force(given: Limits | None, default: Limits) -> Limits:
    """An account's own limits, and the installation's default where it has none."""
    if given is None:
        return default
    return Limits(
        **{
            name: fallback if own is None else (None if own == UNLIMITED else own)
            for name, own, fallback in zip(FIELDS, given.each, default.each, strict=True)
        }
    )
