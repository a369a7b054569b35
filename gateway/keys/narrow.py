"""What may be said of what a key may, and whether it is more than another key may: pure."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import collapse_addresses, ip_network
from typing import Any

from gateway.errors import BadRequest, NotAllowed
from gateway.keys.types import BY_NAME, Key
from gateway.kit.clock import rfc3339
from gateway.kit.networks import Network, read_network

ENTRIES_MAX = 100
"""Of models or networks in one key's list."""
LIMITS = ("scopes", "models", "ips", "expires_us")
"""The fields that say what a key may; None: no limit."""


def read_ips(given: Sequence[str]) -> tuple[str, ...]:
    """Addresses and networks as they are kept, each once.  Raises BadRequest."""
    return tuple(dict.fromkeys(str(_read_network(text)) for text in given))


def _read_network(text: str) -> Network:
    try:
        return read_network(text)
    except ValueError as error:
        raise BadRequest(str(error), param="ips") from error


def networks_of(ips: Iterable[str]) -> list[Network]:
    """The networks of a list that `read_ips` wrote."""
    return [ip_network(text) for text in ips]


def check_limits(fields: Mapping[str, Any], now_us: int) -> None:
    """Raises BadRequest: a list that allows nothing or too much at a time, an end that is over."""
    for name in ("models", "ips"):
        entries = fields.get(name)
        if entries is not None and not 1 <= len(entries) <= ENTRIES_MAX:
            raise BadRequest(
                f"`{name}` lists 1 to {ENTRIES_MAX}; leave it out, or null, for no limit", param=name
            )
    expires_us = fields.get("expires_us")
    if expires_us is not None and expires_us <= now_us:
        raise BadRequest(
            f"{rfc3339(expires_us)} is over; a key that shall end now is revoked", param="expires_at"
        )


def refuse_wider(manager: Key, wanted: Mapping[str, Any]) -> None:
    """Raises NotAllowed: some limit of `wanted` (LIMITS, those that are named) lets a key do more than `manager` may."""
    missing = {*(wanted.get("scopes") or ())} & {*BY_NAME} - {*(manager.scopes or ())}
    if missing:
        raise NotAllowed(
            f"scopes: a key gives no more than it may itself, and this one was not given `{min(missing)}`",
            param="scopes",
        )
    for name, value in wanted.items():
        own = getattr(manager, name) if name in LIMITS else None
        if own is not None and not _is_within(name, value, own):
            shown = rfc3339(own) if name == "expires_us" else ", ".join(own) or "none"
            param = "expires_at" if name == "expires_us" else name
            raise NotAllowed(
                f"{param}: a key gives no more than it may itself, and this one's is limited to {shown}",
                param=param,
            )


def _is_within(name: str, value: Any, own: Any) -> bool:
    if value is None:
        return False
    if name == "expires_us":
        return bool(value <= own)
    if name == "ips":
        return _covers(networks_of(own), networks_of(value))
    return set(value) <= set(own)


def _covers(outer: list[Network], inner: list[Network]) -> bool:
    """Whether every address of `inner` is one of `outer`.

    Neighbours are joined first: 10.0.0.0/9 and 10.128.0.0/9 cover 10.0.0.0/8.
    """
    for version in (4, 6):
        whole: Any = list(collapse_addresses(each for each in outer if each.version == version))  # type: ignore[type-var]
        parts: Any = [each for each in inner if each.version == version]
        if not all(any(part.subnet_of(each) for each in whole) for part in parts):
            return False
    return True
