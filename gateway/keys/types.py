from typing import Literal, get_args

import msgspec

from gateway.limits.types import Limits

Kind = Literal["account", "operator"]

DataScope = Literal["chat", "fim", "embeddings", "usage:read", "payments"]
"""What a key may ask for: an operation, to read what its account used, has left and is billed, or to have its card charged."""
Scope = Literal[DataScope, "keys"]
"""`keys`: it makes, changes, revokes and rotates the other keys of its account (manage.py)."""

DATA_SCOPES: tuple[DataScope, ...] = get_args(DataScope)
BY_NAME: tuple[DataScope, ...] = ("payments",)
"""Scopes that a key has only where they are listed: one without a list has them not."""
IMPLIED_SCOPES: tuple[DataScope, ...] = tuple(scope for scope in DATA_SCOPES if scope not in BY_NAME)
SCOPES: tuple[Scope, ...] = (*DATA_SCOPES, "keys")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key.  `hint` is its first characters, enough for a person to tell keys apart."""

    id: str
    kind: Kind
    account_id: str | None
    name: str
    hint: str
    created_us: int
    revoked_us: int | None = None
    cap_day_nanousd: int | None = None
    cap_month_nanousd: int | None = None
    cap_total_nanousd: int | None = None
    """The most it may spend per UTC day, per UTC month and in all; None: no limit but its account's."""
    policy: str | None = None
    """Which workers may serve it (workers/order_by.py); None: as its model's, or everybody's."""
    manages_keys: bool = False
    """Whether it may make, change, revoke and rotate the other keys of its account (manage.py)."""
    project_id: str | None = None
    """Whose budget it spends from, besides its own caps; None: of no project."""
    scopes: tuple[DataScope, ...] | None = None
    models: tuple[str, ...] | None = None
    """Ids of the models that it may use."""
    ips: tuple[str, ...] | None = None
    """Networks that it may be used from, as `narrow.py` writes them."""
    expires_us: int | None = None
    """Of these four, None: no limit; but `payments` is a scope that must be listed."""
    previous_until_us: int | None = None
    """The secret before the last rotation goes on working until then; None: there is none."""
    last_used_us: int | None = None
    """When its last metered request began, some seconds late (rollups/)."""

    @property
    def all_scopes(self) -> tuple[Scope, ...]:
        data: tuple[Scope, ...] = IMPLIED_SCOPES if self.scopes is None else self.scopes
        return (*data, "keys") if self.manages_keys else data


class Caller(msgspec.Struct, frozen=True):
    """A proven identity: the key that called, the account it spends for (None for an operator), what it may and how much.

    `replaced_us`: it called with the secret before the last rotation, which works until then.
    """

    key_id: str
    kind: Kind
    account_id: str | None
    cap_day_nanousd: int | None = None
    cap_month_nanousd: int | None = None
    cap_total_nanousd: int | None = None
    policy: str | None = None
    project_id: str | None = None
    project_cap_day_nanousd: int | None = None
    project_cap_month_nanousd: int | None = None
    project_cap_total_nanousd: int | None = None
    account_limits: Limits | None = None
    key_limits: Limits | None = None
    """What was set for its account and for itself (limits/); None: nothing was."""
    name: str = ""
    scopes: tuple[DataScope, ...] | None = None
    models: tuple[str, ...] | None = None
    ips: tuple[str, ...] | None = None
    expires_us: int | None = None
    manages_keys: bool = False
    replaced_us: int | None = None
    suspended: bool = False
    """Its account is served nothing for now (accounts/suspend.py)."""

    @property
    def actor(self) -> str:
        """Who it is in the audit log."""
        return f"key:{self.key_id} {self.name}"
