"""What may be said of what a key may, and whether it is more than another key may: pure.

Networks are written one way: `10.0.0.0/8`, `2001:db8::/32`, a single address as `/32` or `/128`; IPv4 in IPv6
(`::ffff:0:0/96`) as IPv4, because that is what a connection is told to come from.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from gateway.errors import BadRequest, NotAllowed
from gateway.keys.types import Key
from gateway.kit.clock import rfc3339

ENTRIES_MAX = 100
"""Of models or networks in one key's list."""
LIMITS = ("scopes", "models", "ips", "expires_us")
"""The fields that say what a key may; None: no limit."""

Network = IPv4Network | IPv6Network
_MAPPED_BITS = 96


def read_ips(given: Sequence[str]) -> tuple[str, ...]:
    """Addresses and networks as they are kept, each once.  Raises BadRequest."""
    return tuple(dict.fromkeys(str(_read_network(text)) for text in given))


def _read_network(text: str) -> Network:
    try:
        network = ip_network(
            text.strip().replace("%", " "), strict=False
        )  # an interface's name is no network
    except ValueError as error:
        raise BadRequest(
            f"{text!r} is neither an IP address nor a network like 10.0.0.0/8 or 2001:db8::/32", param="ips"
        ) from error
    if "/" in text and ip_network(text.strip().rpartition("/")[0]).network_address != network.network_address:
        raise BadRequest(f"{text!r} is an address within the network {network}; write that", param="ips")
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        mapped: IPv4Address = network.network_address.ipv4_mapped
        if network.prefixlen >= _MAPPED_BITS:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


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
