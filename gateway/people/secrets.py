"""Random secrets of links and sessions, and passwords: what is shown or typed, and what is kept of it.

A link's or session's secret is 256 random bits, so a fast hash of it is the right one (as with keys); a password is what
people think of, so its hash is argon2id, which costs whoever tries a list of them (RFC 9106; the library's own parameters).
"""

import hashlib
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from gateway.errors import BadRequest

PASSWORD_CHARS_MIN = 12
"""NIST SP 800-63B: length, and no rules about what it is made of."""
PASSWORD_CHARS_MAX = 200


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def derived(secret: str, purpose: str) -> str:
    """Another secret, that does not tell the first."""
    return hashlib.sha256(f"{purpose}\n{secret}".encode()).hexdigest()


def hash_password(password: str) -> str:
    """Takes some 30 ms of a core: not for the event loop.  Raises BadRequest: too short or too long."""
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise BadRequest(
            f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters; a few words are a good one",
            param="password",
        )
    return _hasher().hash(password)


def is_password(password: str, hashed: str | None) -> bool:
    """Takes as long for somebody who has none, or is unknown."""
    try:
        return _hasher().verify(hashed or _nobodys(), password) and hashed is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys() -> str:
    return _hasher().hash(new_secret())
