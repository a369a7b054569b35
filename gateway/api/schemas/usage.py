"""Receipts and sums."""

from typing import Any

import msgspec

from gateway.api.schemas.shapes import Count, Instant, NanoUsd, Usd, money
from gateway.catalog.types import CostLine, TokenCounts
from gateway.kit.clock import rfc3339
from gateway.kit.money import format_usd
from gateway.metering.types import Outcome, Receipt, Source, UsageEvent, UsageRow
from gateway.rollups.types import Detail


class ReceiptSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What one request took and cost."""

    request_id: str
    created_at: Instant
    model: str
    key_id: str
    project_id: str | None
    outcome: Outcome
    streamed: bool
    estimated: bool
    usage: TokenCounts
    cost_nanousd: NanoUsd
    cost_usd: Usd


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Who counted each number: the worker, this gateway, or an estimate that is less than was used."""

    input: Source
    image: Source
    output: Source
    reasoning: Source


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True):
    """cost = tokens x price / 10^6, less the discount, rounded up to a nano-dollar; the price is for a million tokens."""

    token_class: str
    tokens: Count
    discount_percent: int
    price_nanousd_per_mtok: NanoUsd
    price_usd_per_mtok: Usd
    cost_nanousd: NanoUsd
    cost_usd: Usd


class ChainPlace(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt's number in its account, and a hash that covers it and all before it."""

    seq: int
    sha256: str


class ReceiptInfo(ReceiptSummary, frozen=True, kw_only=True, tag_field="object", tag="receipt"):
    """The bill of one request; its lines add up to its cost."""

    sources: Sources
    lines: list[ReceiptLine]
    price_version: int
    chain: ChainPlace


class AnyReceipt(ReceiptInfo, frozen=True, kw_only=True):
    """A receipt, and whose it is."""

    account_id: str


class UsageLine(msgspec.Struct, frozen=True, kw_only=True):
    """A class of tokens: how many, also of requests that were not billed, and what they cost, as receipts have it."""

    token_class: str
    tokens: Count
    cost_nanousd: NanoUsd
    cost_usd: Usd


class UsageDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Sums taken apart.  What was summed before the gateway told them apart is `unsplit`: with it, the parts add up."""

    lines: list[UsageLine]
    outcomes: dict[str, Count]
    """How many requests ended in each way."""
    unsplit_requests: Count
    unsplit_cost_nanousd: NanoUsd
    unsplit_cost_usd: Usd


class UsageSum(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the requests of one group.  Only what is grouped by is named: account, key, project, model or day (UTC)."""

    group: str
    account_id: str | msgspec.UnsetType = msgspec.UNSET
    account_name: str | msgspec.UnsetType = msgspec.UNSET
    key_id: str | msgspec.UnsetType = msgspec.UNSET
    key_name: str | msgspec.UnsetType = msgspec.UNSET
    project_id: str | msgspec.UnsetType | None = msgspec.UNSET
    project_name: str | msgspec.UnsetType | None = msgspec.UNSET
    """Null for what was in no project."""
    model: str | msgspec.UnsetType = msgspec.UNSET
    day: str | msgspec.UnsetType = msgspec.UNSET
    requests: Count
    input_tokens: Count
    input_image_tokens: Count
    input_cached_tokens: Count
    output_tokens: Count
    output_reasoning_tokens: Count
    cost_nanousd: NanoUsd
    cost_usd: Usd
    detail: UsageDetail | msgspec.UnsetType = msgspec.UNSET
    """Where it was asked for."""


def receipt_summary(event: UsageEvent) -> ReceiptSummary:
    return ReceiptSummary(**_event_fields(event))


def receipt_info(receipt: Receipt) -> ReceiptInfo:
    return ReceiptInfo(**_receipt_fields(receipt))


def any_receipt(receipt: Receipt) -> AnyReceipt:
    return AnyReceipt(account_id=receipt.event.account_id, **_receipt_fields(receipt))


def usage_sum(row: UsageRow, **named: Any) -> UsageSum:
    return UsageSum(**named, **msgspec.structs.asdict(row), cost_usd=format_usd(row.cost_nanousd))


def usage_detail(group: str, sums: Detail, **named: Any) -> UsageSum:
    tokens = sums.class_tokens
    lines = [
        UsageLine(token_class=name, tokens=tokens[name], **money("cost", cost))
        for name, cost in sums.class_nanousd.items()
    ]
    detail = UsageDetail(lines=lines, outcomes=sums.outcomes, unsplit_requests=sums.unsplit_requests,
                         **money("unsplit_cost", sums.unsplit_nanousd))  # fmt: skip
    counted = {name: getattr(sums, name) for name in UsageRow.__struct_fields__[1:]}
    return UsageSum(group=group, **named, **counted, cost_usd=format_usd(sums.cost_nanousd), detail=detail)


def _event_fields(event: UsageEvent) -> dict[str, Any]:
    return {
        "request_id": event.request_id,
        "created_at": rfc3339(event.created_us),
        "model": event.model,
        "key_id": event.key_id,
        "project_id": event.project_id,
        "outcome": event.outcome,
        "streamed": event.streamed,
        "estimated": event.estimated,
        "usage": event.counts,
        **money("cost", event.cost_nanousd),
    }


def _receipt_fields(receipt: Receipt) -> dict[str, Any]:
    event, link = receipt.event, receipt.link
    return {
        **_event_fields(event),
        "sources": Sources(
            input=event.input_source,
            image=event.image_source,
            output=event.output_source,
            reasoning=event.reasoning_source,
        ),
        "lines": [_line(line) for line in receipt.lines],
        "price_version": event.price_version,
        "chain": ChainPlace(seq=link.account_seq, sha256=link.chain_hash),
    }


def _line(line: CostLine) -> ReceiptLine:
    return ReceiptLine(
        **msgspec.structs.asdict(line),
        price_usd_per_mtok=format_usd(line.price_nanousd_per_mtok),
        cost_usd=format_usd(line.cost_nanousd),
    )
