"""An invoice's lines as people read them, at Stripe and on our pages."""

from gateway.invoices.types import InvoiceLine
from gateway.statements.words import MINUS, TOKEN_CLASS_WORDS, month_name, one_line, short

DESCRIPTION_CHARS_MAX = 500
"""Of an invoice item at Stripe."""


def line_words(line: InvoiceLine) -> str:
    """`magistral-small-2509, Input, text: 752,400,000 tokens at $0.20 per million, less 10% of volume discount`."""
    if line.kind == "usage" and not line.token_class:
        words = one_line(line.model)  # lines that did not fit (billing/invoicing.py)
    elif line.kind == "usage":
        discount = f", {MINUS}{line.discount_percent}% volume discount" if line.discount_percent else ""
        words = (
            f"{one_line(line.model)}, {TOKEN_CLASS_WORDS.get(line.token_class, line.token_class)}: {line.tokens:,} tokens"
            f" at {short(line.price_nanousd_per_mtok)} per million{discount}"
        )
    elif line.kind == "credit":
        words = f"Credit applied ({line.ref})"
    elif line.kind == "payment":
        words = f"Paid since by top-up ({line.ref})"
    else:
        words = f"Brought forward: an earlier amount too small to be charged ({line.ref})"
    return words[:DESCRIPTION_CHARS_MAX]


def title(month: str) -> str:
    return f"Usage of {month_name(month)}"
