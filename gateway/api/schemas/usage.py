"""Receipts and sums."""

from typing import Any

from gateway.api.schemas.shapes import money
from gateway.kit.clock import rfc3339
from gateway.kit.money import format_usd
from gateway.metering.types import Receipt, UsageEvent, UsageRow

_TOKEN_FIELDS = (
    "input_tokens",
    "input_image_tokens",
    "input_cached_tokens",
    "output_tokens",
    "output_reasoning_tokens",
)


def event_fields(event: UsageEvent) -> dict[str, Any]:
    """A receipt in short."""
    return {
        "request_id": event.request_id,
        "created_at": rfc3339(event.created_us),
        "model": event.model,
        "key_id": event.key_id,
        "outcome": event.outcome,
        "streamed": event.streamed,
        "estimated": event.estimated,
        "usage": {name: getattr(event, name) for name in _TOKEN_FIELDS},
        **money("cost", event.cost_nanousd),
    }


def receipt_fields(receipt: Receipt) -> dict[str, Any]:
    event = receipt.event
    return {
        "object": "receipt",
        **event_fields(event),
        "sources": {
            name: getattr(event, f"{name}_source") for name in ("input", "image", "output", "reasoning")
        },
        "lines": [
            {
                "token_class": line.token_class,
                "tokens": line.tokens,
                "discount_percent": line.discount_percent,
                **{
                    f"price_{key}_per_mtok": value
                    for key, value in _price(line.price_nanousd_per_mtok).items()
                },
                **money("cost", line.cost_nanousd),
            }
            for line in receipt.lines
        ],
        "price_version": event.price_version,
        "chain": {"seq": receipt.link.account_seq, "sha256": receipt.link.chain_hash},
    }


def _price(nanousd: int) -> dict[str, Any]:
    return {"nanousd": nanousd, "usd": format_usd(nanousd)}


def usage_fields(row: UsageRow, named: dict[str, Any]) -> dict[str, Any]:
    counts = {name: getattr(row, name) for name in ("requests", *_TOKEN_FIELDS)}
    return {"group": row.group, **named, **counts, **money("cost", row.cost_nanousd)}
