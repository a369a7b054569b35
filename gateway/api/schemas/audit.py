"""The audit of the ledger, and the health of the process."""

from typing import Literal

import msgspec

from gateway.api.schemas.shapes import Count, NanoUsd, Usd, money
from gateway.metering.audit import Difference, Report


class AuditReport(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="audit"):
    """`ok`: every balance and receipt follows from the immutable rows; else each difference is named."""

    ok: bool
    accounts: Count
    events: Count
    settled_nanousd: NanoUsd
    settled_usd: Usd
    differences: tuple[Difference, ...]


class Health(msgspec.Struct, frozen=True):
    status: Literal["ok", "ready"]


def audit_report(report: Report) -> AuditReport:
    return AuditReport(
        ok=not report.differences,
        accounts=report.accounts,
        events=report.events,
        **money("settled", report.settled_nanousd),
        differences=report.differences,
    )
