"""Receipts chained per account: each event's hash covers its fields, its number and the hash before it.

Whoever changes, removes or inserts an event breaks every hash that follows, and `audit` says where.  A customer who
keeps one hash can later prove that nothing before it was touched.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.catalog.types import TOKEN_CLASSES

GENESIS = "0" * 64
"""The hash before an account's first event."""

LATER = frozenset({"project_id", *(f"{name}_start" for name in TOKEN_CLASSES)})
"""Fields younger than the first receipts: left out where they say nothing, so that old hashes stay what they were."""

OPERATORS = frozenset({"worker_cost_nanousd"})
"""Fields that no receipt shows: a customer can derive the hash from what is theirs, and it says nothing of ours."""

_encoder = msgspec.json.Encoder(order="sorted")


def link(before: str, seq: int, fields: Mapping[str, Any]) -> str:
    """SHA-256 in hex over the hash before, the number, and the event's fields as JSON with sorted keys."""
    said = {
        name: value
        for name, value in fields.items()
        if name not in OPERATORS and (value is not None or name not in LATER)
    }
    return hashlib.sha256(f"{before}\n{seq}\n".encode() + _encoder.encode(said)).hexdigest()
