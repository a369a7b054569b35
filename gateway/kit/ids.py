"""Identifiers: a prefix that says what it is, and a UUIDv7 in hex (RFC 9562 section 5.7).

Time-ordered, to a quarter of a microsecond (RFC 9562 section 6.2, method 3), so that primary keys append and what was written
later sorts later; 62 random bits, so that nobody guesses another's.
"""

import os
import time


def uuid7_hex() -> str:
    """Thirty-two hex digits: 48 bits of Unix milliseconds, version, 12 bits of their 4,096th parts, variant, 62 random bits."""
    millis, nanos = divmod(time.time_ns(), 1_000_000)
    noise = int.from_bytes(os.urandom(8), "big") >> 2
    return f"{millis:012x}7{(nanos << 12) // 1_000_000:03x}{1 << 63 | noise:016x}"


def new_id(prefix: str) -> str:
    """`req_0192…`: prefixes in use are acc, grt, key, prj and req."""
    return f"{prefix}_{uuid7_hex()}"
