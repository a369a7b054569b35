import msgspec


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A request's hold on its key; `expires_us` is when a claim whose process died may be taken over."""

    account_id: str
    key: str
    body_sha256: str
    request_id: str
    expires_us: int


class Stored(msgspec.Struct, frozen=True):
    """The first answer to a key, as it was sent."""

    request_id: str
    streamed: bool
    body: bytes
