"""The secret itself: `tw_` (an account's) or `twop_` (an operator's), 32 random characters, a checksum of six.

The checksum lets a typing error be refused without asking the database, and lets secret scanners be sure of a
find.  (GitHub's token format, 2021, had the idea.)
"""

import hashlib
import hmac
import secrets
import string
import zlib

from gateway.keys.types import Kind

_ALPHABET = string.digits + string.ascii_letters
_RANDOM_CHARS = 32
"""190 bits: nobody guesses it, so no rate limit has to protect it."""
_CHECK_CHARS = 6
_PREFIX: dict[Kind, str] = {"account": "tw_", "operator": "twop_"}


def mint(kind: Kind) -> str:
    stem = _PREFIX[kind] + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARS))
    return stem + _checksum(stem)


def is_well_formed(secret: str) -> bool:
    """Whether the text could be one of our keys: prefix, length, alphabet and checksum."""
    if not secret.isascii():
        return False
    return any(
        secret.startswith(prefix)
        and len(secret) == len(prefix) + _RANDOM_CHARS + _CHECK_CHARS
        and _checksum(secret[:-_CHECK_CHARS]) == secret[-_CHECK_CHARS:]
        for prefix in _PREFIX.values()
    )


def hint(secret: str) -> str:
    """`tw_a1B2…`: what lists show."""
    return secret[: secret.index("_") + 5] + "…"


def keyed_hash(secret: str, key_secret: bytes) -> str:
    """What is stored: hex of HMAC-SHA-256(key_secret, secret)."""
    return hmac.digest(key_secret, secret.encode(), hashlib.sha256).hex()


def _checksum(stem: str) -> str:
    value = zlib.crc32(stem.encode())
    digits = []
    for _ in range(_CHECK_CHARS):
        value, digit = divmod(value, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
