"""A message as a webhook's body: `type`, `timestamp` and `data`, as the Standard Webhooks specification advises."""

from typing import Any

import msgspec

from gateway.alerts.types import Message
from gateway.kit.clock import rfc3339
from gateway.kit.money import format_usd


def webhook_body(message: Message, address: str) -> bytes:
    """The same bytes at every try: signatures are of bytes.  `address`: of the account's alerts page, or empty."""
    days = message.rule_kind == "credit_days"
    value = None if days else message.value
    data: dict[str, Any] = {
        "message": message.text,
        "account_id": message.account_id,
        "account_name": message.account_name,
        "alert_id": message.alert_id,
        "rule_id": message.rule_id,
        "rule": message.rule_kind,
        "key_id": message.key_id,
        "threshold": message.mark,
        "amount_nanousd": message.amount_nanousd,
        "amount_usd": _usd(message.amount_nanousd),
        "value_nanousd": value,
        "value_usd": _usd(value),
        "value_days": message.value if days else None,
        "url": address or None,
    }
    return msgspec.json.encode({"type": message.kind, "timestamp": rfc3339(message.at_us), "data": data})


def _usd(nanousd: int | None) -> str | None:
    return None if nanousd is None else format_usd(nanousd)
