"""Keys: what may be said of them, and what is told."""

from typing import Annotated, Any

import msgspec

from gateway.api.schemas.shapes import GivenInstant, GivenUsd, Instant, Text, Usd, instant, usd
from gateway.catalog.snapshot import Catalog
from gateway.errors import BadRequest
from gateway.keys.create import NAME_CHARS_MAX
from gateway.keys.narrow import ENTRIES_MAX, read_ips
from gateway.keys.types import DATA_SCOPES, Key, Kind, Scope
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
_Scopes = Annotated[
    list[Scope],
    msgspec.Meta(
        description="What it may ask for; `keys`: manage the account's other keys. `payments`: have a card charged. Null: everything but these two.",
        extra_json_schema={"minItems": 1, "uniqueItems": True},
    ),
]
_Models = Annotated[
    list[Text],
    msgspec.Meta(
        description="The models that it may use, by id or alias. Null: all.",
        extra_json_schema={"minItems": 1, "maxItems": ENTRIES_MAX},
    ),
]
_Ips = Annotated[
    list[Text],
    msgspec.Meta(
        description="Addresses and networks (CIDR, IPv4 and IPv6) that it may be used from. Null: all.",
        examples=[["203.0.113.7", "10.0.0.0/8", "2001:db8::/32"]],
        extra_json_schema={"minItems": 1, "maxItems": ENTRIES_MAX},
    ),
]
_GivenPolicy = Annotated[str, msgspec.Meta(extra_json_schema={"enum": POLICIES})]


class NewOwnKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer may say of a new key."""

    name: _Name = "default"
    cap_day_usd: GivenCap | None = None
    cap_month_usd: GivenCap | None = None
    cap_total_usd: GivenCap | None = None
    project: _Project | None = None
    scopes: _Scopes | msgspec.UnsetType | None = msgspec.UNSET
    models: _Models | msgspec.UnsetType | None = msgspec.UNSET
    ips: _Ips | msgspec.UnsetType | None = msgspec.UNSET
    expires_at: GivenInstant | msgspec.UnsetType | None = msgspec.UNSET
    """Left out, these four are those of the key that asks."""


class NewKey(NewOwnKey, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may say of it besides: whose it is (name or id), which workers serve it, whether it manages keys."""

    account: Text
    policy: _GivenPolicy | None = None
    manages_keys: bool = False


class OwnKeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is named is changed; a cap or limit that is null is removed, and from its project a key whose project is."""

    name: _Name | msgspec.UnsetType = msgspec.UNSET
    cap_day_usd: GivenCap | msgspec.UnsetType | None = msgspec.UNSET
    cap_month_usd: GivenCap | msgspec.UnsetType | None = msgspec.UNSET
    cap_total_usd: GivenCap | msgspec.UnsetType | None = msgspec.UNSET
    project: _Project | msgspec.UnsetType | None = msgspec.UNSET
    scopes: _Scopes | msgspec.UnsetType | None = msgspec.UNSET
    models: _Models | msgspec.UnsetType | None = msgspec.UNSET
    ips: _Ips | msgspec.UnsetType | None = msgspec.UNSET
    expires_at: GivenInstant | msgspec.UnsetType | None = msgspec.UNSET


class KeyChange(OwnKeyChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is named is changed; null removes a cap or limit, removes from the project, and leaves the policy to the model."""

    policy: _GivenPolicy | msgspec.UnsetType | None = msgspec.UNSET
    manages_keys: bool | msgspec.UnsetType = msgspec.UNSET


class KeyInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret; `hint` is the secret's first characters.

    `previous_until`: the secret before the last rotation works until then.  `last_used_at`: its last metered request, some
    seconds late.
    """

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
    scopes: list[Scope]
    models: list[str] | None
    ips: list[str] | None
    expires_at: Instant | None
    previous_until: Instant | None
    last_used_at: Instant | None


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


def limits_of(data: NewOwnKey | OwnKeyChange, catalog: Catalog) -> dict[str, Any]:
    """What is named of scopes (with `manages_keys`), models, ips and end.  Raises BadRequest."""
    found: dict[str, Any] = {}
    if data.scopes is not msgspec.UNSET:
        found["scopes"] = data.scopes and tuple(scope for scope in DATA_SCOPES if scope in data.scopes)
    if isinstance(data.scopes, list):
        found["manages_keys"] = "keys" in data.scopes
    if data.models is not msgspec.UNSET:
        found["models"] = None if data.models is None else _model_ids(data.models, catalog)
    if data.ips is not msgspec.UNSET:
        found["ips"] = None if data.ips is None else read_ips(data.ips)
    if data.expires_at is not msgspec.UNSET:
        found["expires_us"] = instant("expires_at", data.expires_at)
    return found


def _model_ids(names: list[str], catalog: Catalog) -> tuple[str, ...]:
    found = {name: catalog.find(name) for name in names}
    unknown = [name for name, model in found.items() if model is None]
    if unknown:
        offered = ", ".join(model.id for model in catalog.book.models)
        raise BadRequest(f"there is no model {unknown[0]!r}; there are: {offered}", param="models")
    return tuple(dict.fromkeys(model.id for model in found.values() if model is not None))


def changes_of(data: OwnKeyChange, catalog: Catalog) -> dict[str, Any]:
    """What is named of name, project, caps and limits.  Raises BadRequest."""
    said = {"name": data.name, "project": data.project}
    named = {name: value for name, value in said.items() if value is not msgspec.UNSET}
    return {**named, **caps_of(data), **limits_of(data, catalog)}


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
        "revoked_at": _moment(key.revoked_us),
        "project_id": key.project_id,
        "policy": key.policy,
        "manages_keys": key.manages_keys,
        "scopes": list(key.all_scopes),
        "models": None if key.models is None else list(key.models),
        "ips": None if key.ips is None else list(key.ips),
        "expires_at": _moment(key.expires_us),
        "previous_until": _moment(key.previous_until_us),
        "last_used_at": _moment(key.last_used_us),
        **{
            f"cap_{window}_usd": None if limit is None else format_usd(limit)
            for window, limit in caps.items()
        },
    }


def _moment(instant_us: int | None) -> str | None:
    return None if instant_us is None else rfc3339(instant_us)
