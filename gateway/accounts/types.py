import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    created_us: int
