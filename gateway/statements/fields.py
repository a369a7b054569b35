"""The statement over the wire.  Every amount twice: an integer to compute with and a decimal string to read."""

from typing import Any

import msgspec

from gateway.kit.clock import rfc3339
from gateway.kit.money import format_usd
from gateway.statements.types import Applied, Line, Statement, TokenClass

ROUNDING_NOTE = (
    "Each line is rounded once to whole cents, half up. "
    "What this adds to the exact sum of the lines, or takes from it, is shown as rounding."
)


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """All tokens of one model, class and discount in the month; `cents` is `cost` rounded half up, once."""

    model: str
    token_class: TokenClass
    discount_percent: int
    tokens: int
    price_nanousd_per_mtok: int
    price_usd_per_mtok: str
    cost_nanousd: int
    cost_usd: str
    cents: int
    dollars: str


class AppliedCredit(msgspec.Struct, frozen=True, kw_only=True):
    """Credit that paid a part of the month."""

    grant_id: str
    kind: str
    reason: str
    amount_nanousd: int
    amount_usd: str


class StatementInfo(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="statement"):
    """A month's bill.  While it is not `final` the month runs, and it may grow.

    `first_seq`, `last_seq` and `last_hash` say which receipts it covers; null when there are none.
    """

    account_id: str
    account_name: str
    month: str
    begin_at: str
    end_at: str
    final: bool
    requests: int
    lines: list[StatementLine]
    total_nanousd: int
    total_usd: str
    total_cents: int
    total_dollars: str
    rounding_nanousd: int
    rounding_usd: str
    rounding_note: str
    applied: list[AppliedCredit]
    applied_nanousd: int
    applied_usd: str
    due_cents: int
    due_dollars: str
    price_versions: list[int]
    first_seq: int | None
    last_seq: int | None
    last_hash: str | None


def statement_info(statement: Statement) -> StatementInfo:
    return StatementInfo(
        account_id=statement.account_id,
        account_name=statement.account_name,
        month=statement.month,
        begin_at=rfc3339(statement.begin_us),
        end_at=rfc3339(statement.end_us),
        final=statement.final,
        requests=statement.requests,
        lines=[_line(line) for line in statement.lines],
        **_money("total", statement.total_nanousd),
        **_cents("total_", statement.total_cents),
        **_money("rounding", statement.rounding_nanousd),
        rounding_note=ROUNDING_NOTE,
        applied=[_applied(applied) for applied in statement.applied],
        **_money("applied", statement.applied_nanousd),
        **_cents("due_", statement.due_cents),
        price_versions=list(statement.price_versions),
        first_seq=statement.first_seq,
        last_seq=statement.last_seq,
        last_hash=statement.last_hash,
    )


def _line(line: Line) -> StatementLine:
    return StatementLine(
        **msgspec.structs.asdict(line),
        price_usd_per_mtok=format_usd(line.price_nanousd_per_mtok),
        cost_usd=format_usd(line.cost_nanousd),
        dollars=_cents("", line.cents)["dollars"],
    )


def _applied(applied: Applied) -> AppliedCredit:
    return AppliedCredit(**msgspec.structs.asdict(applied), amount_usd=format_usd(applied.amount_nanousd))


def _money(name: str, nanousd: int) -> dict[str, Any]:
    return {f"{name}_nanousd": nanousd, f"{name}_usd": format_usd(nanousd)}


def _cents(prefix: str, cents: int) -> dict[str, Any]:
    """`total_cents` 1234 beside `total_dollars` "12.34"."""
    sign = "-" if cents < 0 else ""
    dollars, rest = divmod(abs(cents), 100)
    return {f"{prefix}cents": cents, f"{prefix}dollars": f"{sign}{dollars}.{rest:02d}"}
