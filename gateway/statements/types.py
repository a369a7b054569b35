"""A month's bill as a value.  Money is integer nano-dollars; whole cents appear only where something is paid."""

from typing import Literal

import msgspec

TokenClass = Literal["input_text", "input_image", "input_cached", "output_text", "output_reasoning"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """All tokens of one model, class and tier discount in the month."""

    model: str
    token_class: TokenClass
    discount_percent: int
    tokens: int
    price_nanousd_per_mtok: int
    """List price, nano-dollars per million tokens, before the discount."""
    cost_nanousd: int
    """Exact."""
    cents: int
    """`cost_nanousd` rounded half up to whole cents: once, here."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """Credit that paid a part of the month.  Positive: it lessens what is due."""

    grant_id: str
    kind: str
    reason: str
    amount_nanousd: int


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One account's calendar month (UTC).  Instants are microseconds since the epoch; the interval is half-open."""

    account_id: str
    account_name: str
    month: str
    """`2026-11`."""
    begin_us: int
    end_us: int
    final: bool
    """False: the month still runs, and the figures may grow."""
    requests: int
    lines: tuple[Line, ...]
    total_nanousd: int
    """The sum of the lines' costs, exact."""
    total_cents: int
    """The sum of the lines' cents."""
    rounding_nanousd: int
    """`total_cents` less `total_nanousd`: what rounding added, or took when negative."""
    applied: tuple[Applied, ...]
    applied_nanousd: int
    due_cents: int
    """What a postpaid account owes: the lines' cents less the credits', each rounded once (due.py); 0 for a prepaid one."""
    price_versions: tuple[int, ...]
    first_seq: int | None
    last_seq: int | None
    last_hash: str | None
    """The chain hash of receipt `last_seq`.  The three say which receipts the month covers; None when it has none."""
