"""A sign-in on its way, in a cookie of the browser that began it: signed, and soon over.

Its three secrets are this browser's own: state ties the answer to it, nonce the ID token, the verifier the code.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

import msgspec

from gateway.kit.clock import SECOND_US
from gateway.oidc.types import Attempt

TTL_S = 600
"""For a person to find their password, and the provider's second factor."""
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Attempt)


def begin(next_path: str, now_us: int) -> Attempt:
    return Attempt(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        next_path=next_path,
        expires_us=now_us + TTL_S * SECOND_US,
    )


def challenge_of(attempt: Attempt) -> str:
    """RFC 7636, S256."""
    digest = hashlib.sha256(attempt.verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def seal(attempt: Attempt, key_secret: bytes) -> str:
    """Fit for a cookie."""
    body = base64.urlsafe_b64encode(_encoder.encode(attempt)).decode()
    return f"{body}.{_signature(body, key_secret)}"


def unseal(sealed: str, key_secret: bytes, now_us: int) -> Attempt | None:
    """None: none of ours, or too old."""
    body, _, signature = sealed.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(body, key_secret).encode()):
        return None
    try:
        attempt = _decoder.decode(base64.urlsafe_b64decode(body))
    except (binascii.Error, msgspec.DecodeError):  # of another version of this program
        return None
    return attempt if attempt.expires_us > now_us else None


def _signature(body: str, key_secret: bytes) -> str:
    return hmac.new(key_secret, f"oidc attempt\n{body}".encode(), hashlib.sha256).hexdigest()
