"""Keys: what may be said of them, and what is told."""

from typing import Annotated, Any

import msgspec

from gateway.api.schemas.shapes import GivenUsd, Instant, Text, Usd, usd
from gateway.keys.create import NAME_CHARS_MAX
from gateway.keys.types import Key, Kind
from gateway.kit.clock import rfc3339
from gateway.kit.money import format_usd
from gateway.workers.order_by import POLICIES
from gateway.workers.types import Policy

CAP_WINDOWS = ("day", "month", "total")

_Name = Annotated[Text, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": NAME_CHARS_MAX})]
GivenCap = Annotated[
    GivenUsd,
    msgspec.Meta(
        description="The most it may spend in this time (UTC), in US dollars; 0 stops it from spending."
    ),
]
_Project = Annotated[
    Text, msgspec.Meta(description="One of the account's, by name or id, whose budget it then shares.")
]
_GivenPolicy = Annotated[str, msgspec.Meta(extra_json_schema={"enum": POLICIES})]


class NewOwnKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer may say of a new key."""

    name: _Name = "default"
    cap_day_usd: GivenCap | None = None
    cap_month_usd: GivenCap | None = None
    cap_total_usd: GivenCap | None = None
    project: _Project | None = None


class NewKey(NewOwnKey, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may say of it besides: whose it is (name or id), which workers serve it, whether it manages keys."""

    account: Text
    policy: _GivenPolicy | None = None
    manages_keys: bool = False


class OwnKeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is named is changed; a cap that is null is removed, and from its project a key whose project is."""

    name: _Name | msgspec.UnsetType = msgspec.UNSET
    cap_day_usd: GivenCap | msgspec.UnsetType | None = msgspec.UNSET
    cap_month_usd: GivenCap | msgspec.UnsetType | None = msgspec.UNSET
    cap_total_usd: GivenCap | msgspec.UnsetType | None = msgspec.UNSET
    project: _Project | msgspec.UnsetType | None = msgspec.UNSET


class KeyChange(OwnKeyChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is named is changed; null removes a cap, removes from the project, and leaves the policy to the model."""

    policy: _GivenPolicy | msgspec.UnsetType | None = msgspec.UNSET
    manages_keys: bool | msgspec.UnsetType = msgspec.UNSET


class KeyInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret; `hint` is the secret's first characters."""

    id: str
    kind: Kind
    account_id: str | None
    name: str
    hint: str
    created_at: Instant
    revoked_at: Instant | None
    project_id: str | None
    policy: Policy | None
    manages_keys: bool
    cap_day_usd: Usd | None
    cap_month_usd: Usd | None
    cap_total_usd: Usd | None


class KeyWithSecret(KeyInfo, frozen=True, kw_only=True):
    """A key and, in this answer only, its secret."""

    key: str


def caps_of(data: msgspec.Struct) -> dict[str, int | None]:
    """Those that a key or project was given or are changed, in nano-dollars.  Raises BadRequest."""
    found: dict[str, int | None] = {}
    for window in CAP_WINDOWS:
        text = getattr(data, f"cap_{window}_usd")
        if text is not msgspec.UNSET:
            found[f"cap_{window}_nanousd"] = None if text is None else usd(text, f"cap_{window}_usd")
    return found


def changes_of(data: OwnKeyChange) -> dict[str, Any]:
    """What is named of name, project and caps.  Raises BadRequest."""
    said = {"name": data.name, "project": data.project}
    return {name: value for name, value in said.items() if value is not msgspec.UNSET} | caps_of(data)


def key_info(key: Key) -> KeyInfo:
    return KeyInfo(**_fields(key))


def with_secret(key: Key, secret: str) -> KeyWithSecret:
    return KeyWithSecret(key=secret, **_fields(key))


def _fields(key: Key) -> dict[str, Any]:
    caps = {window: getattr(key, f"cap_{window}_nanousd") for window in CAP_WINDOWS}
    return {
        "id": key.id,
        "kind": key.kind,
        "account_id": key.account_id,
        "name": key.name,
        "hint": key.hint,
        "created_at": rfc3339(key.created_us),
        "revoked_at": None if key.revoked_us is None else rfc3339(key.revoked_us),
        "project_id": key.project_id,
        "policy": key.policy,
        "manages_keys": key.manages_keys,
        **{
            f"cap_{window}_usd": None if limit is None else format_usd(limit)
            for window, limit in caps.items()
        },
    }
