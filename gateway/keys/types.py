from typing import Literal

import msgspec

Kind = Literal["account", "operator"]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key.  `hint` is its first characters, enough for a person to tell keys apart."""

    id: str
    kind: Kind
    account_id: str | None
    name: str
    hint: str
    created_us: int
    revoked_us: int | None = None


class Caller(msgspec.Struct, frozen=True):
    """A proven identity: the key that called, and the account it spends for (None for an operator)."""

    key_id: str
    kind: Kind
    account_id: str | None
