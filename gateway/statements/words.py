"""Every string that a person reads on a statement, in one place: the page and the PDF only lay them out.

Amounts to pay have two decimals; exact ones have nine, which is a nano-dollar.
"""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from gateway.kit.clock import SECOND_US
from gateway.kit.money import NANOS_PER_CENT, NANOS_PER_USD
from gateway.statements.fields import ROUNDING_NOTE
from gateway.statements.types import Applied, Line, Statement

MINUS = "\N{MINUS SIGN}"
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
TOKEN_CLASS_WORDS = {
    "input_text": "Input, text",
    "input_image": "Input, image",
    "input_cached": "Input, cached",
    "output_text": "Output, text",
    "output_reasoning": "Output, reasoning",
}
GRANT_WORDS = {
    "sign_up": "Sign-up credit",
    "monthly_free": "Monthly free tier",
    "top_up": "Top-up",
    "promotion": "Promotion",
    "correction": "Correction",
    "expiry": "Expiry",
}
CHAIN_NOTE = "Every receipt's hash covers the receipt before it, so this one hash stands for all of them."
AUDIT_NOTE = "Whoever runs the gateway derives every receipt and balance again with"
CHECK_COMMAND = "tollway-gateway audit"
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def statement_words(statement: Statement) -> dict[str, Any]:
    """Strings, and lists and dicts of them: what both templates are given."""
    return {
        "account_id": one_line(statement.account_id),
        "account_name": one_line(statement.account_name),
        "month": month_name(statement.month),
        "begin": instant(statement.begin_us),
        "end": instant(statement.end_us),
        "status": "Final" if statement.final else "Preliminary",
        "status_note": (
            "The month is over; these figures stay as they are."
            if statement.final
            else "The month still runs; these figures may grow."
        ),
        "requests": f"{statement.requests:,}",
        "groups": _groups(statement.lines),
        "totals": _totals(statement),
        "due_label": _due_label(statement),
        "due": dollars(statement.due_cents),
        "due_note": "" if statement.due_cents else "Nothing is to be paid.",
        "rounding_note": ROUNDING_NOTE,
        "price_versions": ", ".join(str(version) for version in statement.price_versions) or "none",
        "receipts": _receipts(statement),
        "last_hash": one_line(statement.last_hash or ""),
        "check_note": AUDIT_NOTE if statement.last_hash is None else f"{CHAIN_NOTE} {AUDIT_NOTE}",
        "check_command": CHECK_COMMAND,
    }


def dollars(cents: int) -> str:
    """`$1,234.56`, of integer cents."""
    whole, rest = divmod(abs(cents), 100)
    return f"{MINUS if cents < 0 else ''}${whole:,}.{rest:02d}"


def exact(nanousd: int) -> str:
    """`$1,234.567890123`: all nine decimals, so that columns align and nothing is hidden."""
    whole, nanos = divmod(abs(nanousd), NANOS_PER_USD)
    return f"{MINUS if nanousd < 0 else ''}${whole:,}.{nanos:09d}"


def short(nanousd: int) -> str:
    """`$0.20`, `$0.0125`: exact too, with as many decimals as it needs, and at least two."""
    whole, decimals = exact(nanousd).split(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def month_name(month: str) -> str:
    """`November 2026` of `2026-11`."""
    year, number = month.split("-")
    return f"{MONTHS[int(number) - 1]} {year}"


def instant(instant_us: int) -> str:
    """`1 December 2026, 00:00 UTC`, with seconds only where there are any."""
    moment = datetime.fromtimestamp(instant_us // SECOND_US, UTC)
    time = f"{moment:%H:%M:%S}".removesuffix(":00")
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}, {time} UTC"


def one_line(text: str) -> str:
    """A stranger's text without what could break a line, a file, or turn the letters beside it round."""
    kept = []
    for char in text:
        category = unicodedata.category(char)
        if category in {"Cc", "Zl", "Zp"}:
            kept.append(" ")
        elif category == "Cs":
            kept.append("\N{REPLACEMENT CHARACTER}")
        elif char not in _BIDI_CONTROLS:
            kept.append(char)
    return " ".join("".join(kept).split())


def _groups(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Lines by model, models and lines in the statement's own order."""
    groups: dict[str, list[dict[str, str]]] = {}
    for line in lines:
        groups.setdefault(line.model, []).append(_line_words(line))
    return [{"model": one_line(model), "lines": rows} for model, rows in groups.items()]


def _line_words(line: Line) -> dict[str, str]:
    return {
        "token_class": TOKEN_CLASS_WORDS.get(line.token_class, line.token_class),
        "tokens": f"{line.tokens:,}",
        "price": short(line.price_nanousd_per_mtok),
        "discount": f"{MINUS}{line.discount_percent}%" if line.discount_percent else "none",
        "amount": dollars(line.cents),
        "exact": exact(line.cost_nanousd),
    }


def _totals(statement: Statement) -> list[dict[str, str]]:
    """The column from the exact sum down to what is due: every figure follows from those above it."""
    after_credit = statement.total_cents * NANOS_PER_CENT - statement.applied_nanousd
    rest = statement.due_cents * NANOS_PER_CENT - after_credit
    return [
        _row("Sum of the lines, exact", exact(statement.total_nanousd)),
        _row("Rounding", _signed(statement.rounding_nanousd)),
        _row("Subtotal", dollars(statement.total_cents), kind="subtotal"),
        *(_applied_row(applied) for applied in statement.applied),
        *([_row(_rest_label(rest), _signed(rest))] if rest else []),
        _row(_due_label(statement), dollars(statement.due_cents), kind="due"),
    ]


def _due_label(statement: Statement) -> str:
    return "Amount due" if statement.final else "Due so far"


def _row(label: str, amount: str, *, note: str = "", grant_id: str = "", kind: str = "") -> dict[str, str]:
    return {"label": label, "note": note, "grant_id": grant_id, "amount": amount, "kind": kind}


def _applied_row(applied: Applied) -> dict[str, str]:
    word = GRANT_WORDS.get(applied.kind, one_line(applied.kind))
    return _row(
        f"{word} applied",
        _signed(-applied.amount_nanousd),
        note=one_line(applied.reason),
        grant_id=one_line(applied.grant_id),
    )


def _rest_label(nanousd: int) -> str:
    """Credit pays nano-dollars and a bill is in cents: what lies between is named, so that the column adds up."""
    return "Less than a cent" if abs(nanousd) < NANOS_PER_CENT else "Settled otherwise"


def _signed(nanousd: int) -> str:
    """An amount that is added or taken: with its sign, but for zero."""
    return f"+{short(nanousd)}" if nanousd > 0 else short(nanousd)


def _receipts(statement: Statement) -> str:
    if statement.first_seq is None or statement.last_seq is None:
        return "none"
    return f"{statement.first_seq} to {statement.last_seq}"
