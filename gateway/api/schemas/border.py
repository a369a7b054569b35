"""How the border to Stripe stands, as operators see it."""

from typing import Literal

import msgspec

from gateway.accounts.types import Suspension
from gateway.api.schemas.shapes import Count, Instant, NanoUsd, Usd, money
from gateway.billing.reconcile import Report
from gateway.billing.report import Counts
from gateway.billing.types import Intent, IntentKind, Mode, News
from gateway.kit.clock import rfc3339
from gateway.kit.money import NANOS_PER_CENT


class DifferenceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the ledger and Stripe do not agree on, or that waits for too long."""

    about: str
    name: str
    account_id: str | None
    words: str


class ReportInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What reconciling found.  `rounding`: what rounding invoices' lines to cents added, or took."""

    at: Instant
    since: Instant
    payments: Count
    paid_nanousd: NanoUsd
    paid_usd: Usd
    reversals: Count
    reversed_nanousd: NanoUsd
    reversed_usd: Usd
    invoices: Count
    invoiced_nanousd: NanoUsd
    invoiced_usd: Usd
    rounding_nanousd: NanoUsd
    rounding_usd: Usd
    differences: list[DifferenceInfo]


class IntentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Something that Stripe is still to be told.  `frozen`: a person must look, and may have it tried again."""

    id: str
    kind: IntentKind
    account_id: str
    state: Literal["waiting", "frozen", "done"]
    created_at: Instant
    tries: Count
    result: str | None


class NewsInfo(msgspec.Struct, frozen=True, kw_only=True):
    """News of Stripe's that nothing was made of yet, and why."""

    event_id: str
    type: str
    object_id: str
    received_at: Instant
    tries: Count
    outcome: str | None


class SuspensionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A reason why an account is served nothing that costs."""

    account_id: str
    because_of: str
    reason: str
    since: Instant


class BorderInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands.  Of the outbox and the inbox, at most a hundred are listed, the newest first."""

    mode: Mode
    outbox_waiting: Count
    outbox_frozen: Count
    inbox_unhandled: Count
    outbox: list[IntentInfo]
    inbox: list[NewsInfo]
    suspensions: list[SuspensionInfo]
    report: ReportInfo | None


def report_info(report: Report) -> ReportInfo:
    return ReportInfo(
        at=rfc3339(report.at_us),
        since=rfc3339(report.since_us),
        payments=report.payments,
        **money("paid", report.paid_cents * NANOS_PER_CENT),
        reversals=report.reversals,
        **money("reversed", report.reversed_cents * NANOS_PER_CENT),
        invoices=report.invoices,
        **money("invoiced", report.invoiced_cents * NANOS_PER_CENT),
        **money("rounding", report.rounding_nanousd),
        differences=[DifferenceInfo(**msgspec.structs.asdict(each)) for each in report.differences],
    )


def intent_info(intent: Intent) -> IntentInfo:
    return IntentInfo(
        id=intent.id,
        kind=intent.kind,
        account_id=intent.account_id,
        state="done" if intent.done_us else "frozen" if intent.frozen_us else "waiting",
        created_at=rfc3339(intent.created_us),
        tries=intent.tries,
        result=intent.result or None,
    )


def suspension_info(suspension: Suspension) -> SuspensionInfo:
    return SuspensionInfo(
        account_id=suspension.account_id,
        because_of=suspension.because_of,
        reason=suspension.reason,
        since=rfc3339(suspension.since_us),
    )


def border_info(
    mode: Mode, counts: Counts, outbox: list[Intent], inbox: list[News], suspensions: list[Suspension],
    report: Report | None,
) -> BorderInfo:  # fmt: skip
    return BorderInfo(
        mode=mode,
        outbox_waiting=counts.waiting,
        outbox_frozen=counts.frozen,
        inbox_unhandled=counts.unhandled,
        outbox=[intent_info(intent) for intent in outbox],
        inbox=[_news_info(news) for news in inbox],
        suspensions=[suspension_info(suspension) for suspension in suspensions],
        report=None if report is None else report_info(report),
    )


def _news_info(news: News) -> NewsInfo:
    return NewsInfo(
        event_id=news.event_id,
        type=news.type,
        object_id=news.object_id,
        received_at=rfc3339(news.received_us),
        tries=news.tries,
        outcome=news.outcome,
    )
