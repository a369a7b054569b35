from typing import Literal

import msgspec

LineKind = Literal["usage", "credit", "payment", "carried"]
"""`credit`: a grant that paid requests of the month; `payment`: a later top-up that paid what was owed; `carried`: an earlier invoice that was too small."""
State = Literal["carried", "settled", "finalized", "failed", "uncollectible", "void", "paid"]
STATES: tuple[State, ...] = ("carried", "settled", "finalized", "failed", "uncollectible", "void", "paid")
"""In the order in which they prevail: an invoice that was paid after all is paid, whatever else it was."""


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    """`cents` and `cost_nanousd` are negative for what lessens the bill."""

    invoice_id: str
    place: int
    kind: LineKind
    cents: int
    cost_nanousd: int
    """Exact."""
    model: str = ""
    token_class: str = ""
    discount_percent: int = 0
    tokens: int = 0
    price_nanousd_per_mtok: int = 0
    ref: str = ""
    """The grant, or the invoice that is carried on."""


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    account_id: str
    month: str
    """`2026-11`, UTC."""
    created_us: int
    total_cents: int
    """The sum of its lines' cents: what is asked for, before tax."""
    owed_nanousd: int
    """The exact sum of its lines: what the ledger holds as owed."""
    rounding_nanousd: int
    """`total_cents` less `owed_nanousd`."""
    first_seq: int | None
    last_seq: int | None
    """Of the receipts that it is about."""


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice with its lines and what became of it."""

    invoice: Invoice
    lines: tuple[InvoiceLine, ...]
    state: State | None
    """None: nobody has asked for it yet."""
