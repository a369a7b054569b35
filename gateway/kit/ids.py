"""Identifiers: a prefix that says what it is, and a UUIDv7 in hex (RFC 9562 section 5.7).

Time-ordered, so that primary keys append; 74 random bits, so that nobody guesses another's.
"""

import os
import time


def uuid7_hex() -> str:
    """Thirty-two hex digits: 48 bits of Unix milliseconds, version, variant, 74 random bits."""
    millis = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big")
    high = noise >> 68  # 12 bits
    low = noise & ((1 << 62) - 1)
    value = (millis << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low
    return f"{value:032x}"


def new_id(prefix: str) -> str:
    """`req_0192…`: prefixes in use are acc, grt, key, prj and req."""
    return f"{prefix}_{uuid7_hex()}"
