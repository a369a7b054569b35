"""Keys: what may be said of them, and what is told."""

from typing import Any

import msgspec

from gateway.api.schemas.shapes import usd
from gateway.keys.types import Key
from gateway.kit.clock import rfc3339
from gateway.kit.money import format_usd

CAP_WINDOWS = ("day", "month", "total")


class NewOwnKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer may say of a new key."""

    name: str = "default"
    cap_day_usd: str | None = None
    cap_month_usd: str | None = None
    cap_total_usd: str | None = None


class NewKey(NewOwnKey, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may say of it besides."""

    account: str
    policy: str | None = None
    manages_keys: bool = False


class OwnKeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is named is changed; a cap that is null is removed."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    cap_day_usd: str | msgspec.UnsetType | None = msgspec.UNSET
    cap_month_usd: str | msgspec.UnsetType | None = msgspec.UNSET
    cap_total_usd: str | msgspec.UnsetType | None = msgspec.UNSET


class KeyChange(OwnKeyChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy that is null is the model's, or everybody's."""

    policy: str | msgspec.UnsetType | None = msgspec.UNSET
    manages_keys: bool | msgspec.UnsetType = msgspec.UNSET


def caps_of(data: NewOwnKey | OwnKeyChange) -> dict[str, int | None]:
    """Those that are named, in nano-dollars.  Raises BadRequest."""
    found: dict[str, int | None] = {}
    for window in CAP_WINDOWS:
        text = getattr(data, f"cap_{window}_usd")
        if text is not msgspec.UNSET:
            found[f"cap_{window}_nanousd"] = None if text is None else usd(text, f"cap_{window}_usd")
    return found


def changes_of(data: OwnKeyChange) -> dict[str, Any]:
    """What is named of name and caps.  Raises BadRequest."""
    named = {} if data.name is msgspec.UNSET else {"name": data.name}
    return {**named, **caps_of(data)}


def key_fields(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "kind": key.kind,
        "account_id": key.account_id,
        "name": key.name,
        "hint": key.hint,
        "created_at": rfc3339(key.created_us),
        "revoked_at": None if key.revoked_us is None else rfc3339(key.revoked_us),
        "policy": key.policy,
        "manages_keys": key.manages_keys,
        **{
            f"cap_{window}_usd": None if limit is None else format_usd(limit)
            for window in CAP_WINDOWS
            for limit in [getattr(key, f"cap_{window}_nanousd")]
        },
    }
