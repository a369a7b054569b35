"""IP addresses and networks, written one way.

`10.0.0.0/8`, `2001:db8::/32`; a single address as `/32` or `/128`; IPv4 in IPv6 (`::ffff:0:0/96`) as IPv4, because that is
what a connection is told to come from.
"""

import contextlib
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network
_MAPPED_BITS = 96
"""A larger network does not begin with a mapped address."""


def read_network(text: str) -> Network:
    """Raises ValueError, in words."""
    text = text.strip()
    try:
        network = ip_network(text.replace("%", " "), strict=False)  # an interface's name is no network
    except ValueError as error:
        raise ValueError(
            f"{text!r} is neither an IP address nor a network like 10.0.0.0/8 or 2001:db8::/32"
        ) from error
    if "/" in text and ip_network(text.rpartition("/")[0]).network_address != network.network_address:
        raise ValueError(f"{text!r} is an address within the network {network}; write that")
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - _MAPPED_BITS))
    return network


def is_network(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(read_network(text))
    return False
