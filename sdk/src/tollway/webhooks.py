"""What a gateway's alerts send to your program, and the proof that they are from there.

Example:
    event = tollway.webhooks.verify(body, headers, secret)  # of the request that came; the secret is shown once, as whsec_…
    print(event.type, event.data["message"])
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tollway._errors import TollwayError

__all__ = ["SignatureInvalid", "WebhookEvent", "verify"]

_PREFIX = "whsec_"
_VERSION = "v1"


class SignatureInvalid(TollwayError):
    """What came is not from the gateway, was changed on the way, or is too old.  Answer 400, and do nothing else with it."""


@dataclass(frozen=True)
class WebhookEvent:
    """A message that was proven.

    `id` stays the same when it is sent again: keep it, and a message that comes twice does its work once.
    `type` is `alert.fired`, `alert.recovered` or `alert.test`; `timestamp` says when it happened (RFC 3339); `data` has
    `message` for people, and the numbers.
    """

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]


def verify(
    body: bytes | str, headers: Mapping[str, str], secret: str, *, tolerance_s: float = 300
) -> WebhookEvent:
    """The event in a request that came, if the gateway sent it.

    By the Standard Webhooks specification.  `body` is as it came, before anything parsed it; `secret` is the address's,
    `whsec_…`; `tolerance_s` is how far its clock and yours may differ.

    Example: `event = tollway.webhooks.verify(body, headers, secret)`

    Raises:
        SignatureInvalid: it did not, or it is too old; the message says which.
        ValueError: the secret is none.
    """
    raw = body.encode() if isinstance(body, str) else body
    named = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, sent, signatures = (named[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as error:
        raise SignatureInvalid(f"the header {error.args[0]} is missing") from None
    if not sent.isascii() or not sent.isdecimal() or abs(time.time() - int(sent[:20])) > tolerance_s:
        raise SignatureInvalid(f"it was sent at {sent!r}, more than {tolerance_s:g} s from now")
    expected = hmac.digest(_key(secret), f"{message_id}.{sent}.".encode() + raw, hashlib.sha256)
    if not any(_is_same(each, expected) for each in signatures.split()):
        raise SignatureInvalid("no signature of it is by this secret")
    event = json.loads(raw)
    return WebhookEvent(message_id, event["type"], event["timestamp"], event["data"])


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("the secret of a webhook looks like whsec_ and base64; the gateway showed it once")
    return key


def _is_same(signature: str, expected: bytes) -> bool:
    version, _, encoded = signature.partition(",")
    if version != _VERSION:
        return False
    return hmac.compare_digest(encoded.encode(), base64.b64encode(expected))
