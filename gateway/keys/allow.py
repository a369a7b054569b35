"""What a key may at the moment of a request: pure, and nothing for a key without limits."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from gateway.errors import AccountSuspended, NotAllowed, NotAuthenticated
from gateway.keys.narrow import networks_of
from gateway.keys.types import Caller, Scope
from gateway.kit.clock import rfc3339
from gateway.kit.networks import Network

_MENDED_BY = "whoever manages the account's keys can change that"


def check_time(caller: Caller, now_us: int) -> None:
    """Raises NotAuthenticated: the key has expired, or its secret was replaced and its time is over."""
    if caller.expires_us is not None and now_us >= caller.expires_us:
        raise NotAuthenticated(
            f"this API key expired at {rfc3339(caller.expires_us)}; ask for a new one, or for more time",
            code="api_key_expired",
        )
    if caller.replaced_us is not None and now_us >= caller.replaced_us:
        raise NotAuthenticated(
            f"this API key was rotated, and this secret of it worked until {rfc3339(caller.replaced_us)}; use the new one",
            code="api_key_rotated",
        )


def check_address(caller: Caller, address: str | None) -> None:
    """Raises NotAllowed: the key may be used from certain networks, and this is none of them.

    `address`: whoever is at the other end of the connection, or whom a trusted proxy names; None: nobody knows.
    """
    if caller.ips is not None and not is_within(address, caller.ips):
        raise NotAllowed(
            f"this API key may not be used from {address or 'an unknown address'}; {_MENDED_BY}"
            " (if that is the address of a proxy, name it in the gateway's setting `trusted_proxies`)",
            code="address_not_allowed",
        )


def check_scope(caller: Caller, *needed: Scope) -> None:
    """Raises NotAllowed: the key has a list of scopes, and none of those that open this."""
    if caller.scopes is None or not needed:
        return
    has: tuple[Scope, ...] = (*caller.scopes, "keys") if caller.manages_keys else caller.scopes
    if not set(needed) & set(has):
        raise NotAllowed(
            f"this needs a key with the scope {_or(needed)}, and this one has {_and(has)}; {_MENDED_BY}",
            code="scope_missing",
        )


def check_payments(caller: Caller) -> None:
    """Raises NotAllowed: the scope `payments` was not given to this key by name."""
    if "payments" not in (caller.scopes or ()):
        raise NotAllowed(
            "this has a card charged, and needs a key that has the scope `payments` in its list (a key without a list has it not);"
            f" {_MENDED_BY}",
            code="scope_missing",
        )


def check_account(caller: Caller) -> None:
    """Raises AccountSuspended: what costs is refused; what only reads is not."""
    if caller.suspended:
        raise AccountSuspended(
            "this account is suspended, because a payment was disputed or an invoice was never paid;"
            " whoever pays finds the reason on the page Billing"
        )


def check_model(caller: Caller, model_id: str) -> None:
    """Raises NotAllowed: names the models that the key may use."""
    if caller.models is not None and model_id not in caller.models:
        raise NotAllowed(
            f"this API key may not use {model_id!r}, only {_and(caller.models)}; {_MENDED_BY}",
            param="model",
            code="model_not_allowed",
        )


def is_within(address: str | None, ips: tuple[str, ...]) -> bool:
    """Whether the address is in one of the networks.  What is no address is in none."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in _networks(ips))


@lru_cache(maxsize=4096)
def _networks(ips: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(networks_of(ips))


def _or(words: tuple[str, ...]) -> str:
    return " or ".join(f"`{word}`" for word in words)


def _and(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "none"
