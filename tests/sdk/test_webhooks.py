"""Webhooks: the specification's own vectors, and everything that may be wrong with what comes."""

import base64
import hashlib
import hmac
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollway.webhooks import SignatureInvalid, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"type":"alert.test","timestamp":"2026-11-26T10:00:00Z","data":{"message":"m"}}'


def signed(body: bytes = BODY, at: int | None = None, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(time.time()) if at is None else at)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{ID}.{stamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": ID,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def test_the_specifications_own_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its libraries: this secret, id, instant and body have this signature.  Its body is no event of ours."""
    monkeypatch.setattr(time, "time", lambda: 1614265330.0)
    headers = {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert headers == signed(b'{"test": 2432232314}', 1614265330)
    with pytest.raises(KeyError):  # proven, and then not what a gateway sends
        verify(b'{"test": 2432232314}', headers, SECRET)


def test_an_event() -> None:
    event = verify(BODY, signed(), SECRET)
    assert (event.id, event.type, event.timestamp, event.data) == (ID, "alert.test", "2026-11-26T10:00:00Z", {"message": "m"})  # fmt: skip
    assert verify(BODY.decode(), {name.title(): value for name, value in signed().items()}, SECRET) == event
    assert verify(BODY, signed(), SECRET.removeprefix("whsec_")) == event


def test_one_right_signature_of_several_is_enough() -> None:
    headers = signed()
    wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
    right = headers["webhook-signature"]
    headers["webhook-signature"] = f"{wrong} v1a,abc {right} {wrong}"
    assert verify(BODY, headers, SECRET).id == ID
    headers["webhook-signature"] = f"{wrong} {right.replace('v1,', 'v2,')}"
    with pytest.raises(SignatureInvalid, match="no signature"):
        verify(BODY, headers, SECRET)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_is_missing(name: str) -> None:
    headers = signed()
    del headers[name]
    with pytest.raises(SignatureInvalid, match=name):
        verify(BODY, headers, SECRET)


@pytest.mark.parametrize("sent", ["hello", "", "-1", "1e9", "٣", "9" * 400])
def test_a_timestamp_that_is_none(sent: str) -> None:
    with pytest.raises(SignatureInvalid, match="from now"):
        verify(BODY, signed() | {"webhook-timestamp": sent}, SECRET)


def test_what_is_too_old_or_from_the_future() -> None:
    now = int(time.time())
    for at in (now - 302, now + 302):
        with pytest.raises(SignatureInvalid, match="300 s"):
            verify(BODY, signed(at=at), SECRET)
        assert verify(BODY, signed(at=at), SECRET, tolerance_s=400).id == ID


@pytest.mark.parametrize("signature", ["v1,dawfeoifkpqwoekfpqoekf", "v1,g0h", "v1,", "v1", "", "ü,é"])
def test_signatures_that_are_none(signature: str) -> None:
    with pytest.raises(SignatureInvalid):
        verify(BODY, signed() | {"webhook-signature": signature}, SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!"])
def test_secrets_that_are_none(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        verify(BODY, signed(), secret)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_whatever_is_changed_is_noticed(place: int, by: int) -> None:
    changed = bytearray(BODY)
    changed[place] ^= by
    with pytest.raises(SignatureInvalid):
        verify(bytes(changed), signed(), SECRET)
