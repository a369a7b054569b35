"""The statement over the wire.  Every amount twice: an integer to compute with and a decimal string to read."""

from typing import Any

from gateway.billing.types import Applied, Line, Statement
from gateway.kit.clock import rfc3339
from gateway.kit.money import format_usd

ROUNDING_NOTE = (
    "Each line is rounded once to whole cents, half up. "
    "What this adds to the exact sum of the lines, or takes from it, is shown as rounding."
)


def statement_fields(statement: Statement) -> dict[str, Any]:
    return {
        "object": "statement",
        "account_id": statement.account_id,
        "account_name": statement.account_name,
        "month": statement.month,
        "begin_at": rfc3339(statement.begin_us),
        "end_at": rfc3339(statement.end_us),
        "final": statement.final,
        "requests": statement.requests,
        "lines": [_line_fields(line) for line in statement.lines],
        **_money("total", statement.total_nanousd),
        **_cents("total_", statement.total_cents),
        **_money("rounding", statement.rounding_nanousd),
        "rounding_note": ROUNDING_NOTE,
        "applied": [_applied_fields(applied) for applied in statement.applied],
        **_money("applied", statement.applied_nanousd),
        **_cents("due_", statement.due_cents),
        "price_versions": list(statement.price_versions),
        "first_seq": statement.first_seq,
        "last_seq": statement.last_seq,
        "last_hash": statement.last_hash,
    }


def _line_fields(line: Line) -> dict[str, Any]:
    return {
        "model": line.model,
        "token_class": line.token_class,
        "discount_percent": line.discount_percent,
        "tokens": line.tokens,
        "price_nanousd_per_mtok": line.price_nanousd_per_mtok,
        "price_usd_per_mtok": format_usd(line.price_nanousd_per_mtok),
        **_money("cost", line.cost_nanousd),
        **_cents("", line.cents),
    }


def _applied_fields(applied: Applied) -> dict[str, Any]:
    return {
        "grant_id": applied.grant_id,
        "kind": applied.kind,
        "reason": applied.reason,
        **_money("amount", applied.amount_nanousd),
    }


def _money(name: str, nanousd: int) -> dict[str, Any]:
    return {f"{name}_nanousd": nanousd, f"{name}_usd": format_usd(nanousd)}


def _cents(prefix: str, cents: int) -> dict[str, Any]:
    """`total_cents` 1234 beside `total_dollars` "12.34"."""
    sign = "-" if cents < 0 else ""
    dollars, rest = divmod(abs(cents), 100)
    return {f"{prefix}cents": cents, f"{prefix}dollars": f"{sign}{dollars}.{rest:02d}"}
