"""Signing what is sent to a webhook, by the Standard Webhooks specification 1.0 (`v1`, HMAC-SHA256).

A target's secret is derived from the installation's own and a number that a rotation raises, so none is at rest: a copied
database signs nothing.  For a day after a rotation the old secret signs, too, so that a receiver can change its own in peace.
"""

import base64
import hashlib
import hmac

from gateway.alerts.types import Target
from gateway.kit.clock import DAY_US

PREFIX = "whsec_"
OVERLAP_US = DAY_US


def webhook_secret(installation_secret: bytes, target_id: str, number: int) -> str:
    """`whsec_…`, as its receiver keeps it: 256 bits in base64."""
    purpose = f"webhook\n{target_id}\n{number}".encode()
    return PREFIX + base64.b64encode(hmac.digest(installation_secret, purpose, hashlib.sha256)).decode()


def signature(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    """`v1,…` of one secret."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers_of(
    installation_secret: bytes, target: Target, message_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """The three headers: who it is, when this try was made, and who says so."""
    numbers = [target.secret_number]
    if target.rotated_us is not None and target.rotated_us + OVERLAP_US > timestamp_s * 1_000_000:
        numbers.append(target.secret_number - 1)
    secrets = [webhook_secret(installation_secret, target.id, number) for number in numbers]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signature(each, message_id, timestamp_s, body) for each in secrets),
    }
