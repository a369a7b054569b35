import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    created_us: int


class Suspension(msgspec.Struct, frozen=True, kw_only=True):
    """A reason why an account is served nothing."""

    account_id: str
    because_of: str
    reason: str
    since_us: int
    lifted_us: int | None = None
