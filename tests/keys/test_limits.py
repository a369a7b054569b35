"""What a key may, without a gateway: properties of the checks, and what a managing key may give."""

from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, NotAllowed, NotAuthenticated
from gateway.keys.allow import check_address, check_model, check_payments, check_scope, check_time, is_within
from gateway.keys.narrow import check_limits, read_ips, refuse_wider
from gateway.keys.types import BY_NAME, DATA_SCOPES, SCOPES, Caller, Key

NOW = 1_800_000_000_000_000
ADDRESSES = st.one_of(
    st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)
).map(str)


@st.composite
def networks(draw: Any, *, small: bool = False) -> str:
    """`small`: within 10.0.0.0/28 and fd00::/124, where all addresses can be tried."""
    version = draw(st.sampled_from((4, 6)))
    bits = 32 if version == 4 else 128
    base = int(IPv4Address("10.0.0.0")) if version == 4 else int(IPv6Address("fd00::"))
    number = base + draw(st.integers(0, 15)) if small else draw(st.integers(0, 2**bits - 1))
    length = draw(st.integers(bits - 4, bits) if small else st.integers(0, bits))
    return str(ip_network((number, length), strict=False))


def key(**fields: Any) -> Key:
    return Key(id="key_1", kind="account", account_id="acc_1", name="k", hint="tw_…", created_us=1, **fields)


def caller(**fields: Any) -> Caller:
    return Caller("key_1", "account", "acc_1", **fields)


@given(st.lists(networks(), min_size=1, max_size=9))
def test_networks_are_written_one_way(given_ips: list[str]) -> None:
    kept = read_ips(given_ips)
    assert read_ips(kept) == kept
    assert len(set(kept)) == len(kept)
    for network in kept:
        assert is_within(str(ip_network(network).network_address), kept)
        last: Any = ip_network(network).broadcast_address
        assert getattr(last, "ipv4_mapped", None) or is_within(str(last), kept)


@given(ADDRESSES, st.lists(networks(), min_size=1, max_size=9))
def test_an_address_is_within_when_a_network_has_it(address: str, ips: list[str]) -> None:
    kept = read_ips(ips)
    found: Any = IPv4Address(address) if "." in address else IPv6Address(address)
    found = getattr(found, "ipv4_mapped", None) or found
    assert is_within(address, kept) == any(found in ip_network(network) for network in kept)
    assert is_within(address, read_ips([address]))


@given(st.text(max_size=30))
def test_what_is_no_address_is_nowhere(text: str) -> None:
    everywhere = ("0.0.0.0/0", "::/0")
    assert is_within("::ffff:192.0.2.1", ("192.0.2.0/24",)), "IPv4 that came over IPv6"
    assert not is_within(None, everywhere)
    try:
        IPv4Address(text)
    except ValueError:
        try:
            IPv6Address(text)
        except ValueError:
            assert not is_within(text, everywhere)


@pytest.mark.parametrize(
    ("given_ips", "kept"),
    [
        (["192.0.2.7"], ("192.0.2.7/32",)),
        ([" 10.0.0.0/8 ", "10.0.0.0/8"], ("10.0.0.0/8",)),
        (["2001:DB8::/32", "2001:db8::1"], ("2001:db8::/32", "2001:db8::1/128")),
        (["::ffff:10.0.0.0/104"], ("10.0.0.0/8",)),
        (["0.0.0.0/0", "::/0"], ("0.0.0.0/0", "::/0")),
    ],
)
def test_how_networks_are_kept(given_ips: list[str], kept: tuple[str, ...]) -> None:
    assert read_ips(given_ips) == kept


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.0.0.5/8", "within the network 10.0.0.0/8"),
        ("fe80::1/10", "within the network fe80::/10"),
        ("example.com", "neither"),
        ("", "neither"),
        ("10.0.0.0/33", "neither"),
        ("10.0.0", "neither"),
        ("fe80::1%eth0/64", "neither"),
    ],
)
def test_what_is_no_network(text: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as refused:
        read_ips([text])
    assert refused.value.param == "ips"


LISTS = {
    "scopes": st.none() | st.lists(st.sampled_from(DATA_SCOPES), unique=True).map(tuple),
    "models": st.none() | st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(tuple),
    "ips": st.none() | st.lists(networks(small=True), min_size=1, max_size=4).map(read_ips),
    "expires_us": st.none() | st.integers(NOW, NOW + 3),
}


@given(st.fixed_dictionaries(LISTS), st.fixed_dictionaries(LISTS))
def test_whoever_is_given_by_a_key_may_no_more_than_it(own: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Accepted exactly when everything that the new key lets pass, the old one lets pass."""
    old, new = caller(**own), caller(**wanted)
    by_list = [scope for scope in DATA_SCOPES if scope not in BY_NAME]
    probes: list[Any] = [lambda who, s=scope: check_scope(who, s) for scope in by_list]
    probes.append(check_payments)  # the one that a key without a list has not
    probes += [lambda who, m=model: check_model(who, m) for model in "abcd"]
    probes += [lambda who, t=time: check_time(who, t) for time in range(NOW - 1, NOW + 5)]
    probes += [lambda who, a=f"10.0.0.{n}": check_address(who, a) for n in range(17)]
    probes += [lambda who, a=f"fd00::{n:x}": check_address(who, a) for n in range(17)]
    wider = any(passes(probe, new) and not passes(probe, old) for probe in probes)
    wider |= wanted["scopes"] is None and own["scopes"] is not None  # scopes that there are not yet
    try:
        refuse_wider(key(manages_keys=True, **own), wanted)
        refused = False
    except NotAllowed:
        refused = True
    assert refused == wider


def passes(probe: Any, who: Caller) -> bool:
    try:
        probe(who)
    except (NotAllowed, NotAuthenticated):
        return False
    return True


def test_what_is_not_named_is_not_compared() -> None:
    refuse_wider(key(manages_keys=True, scopes=(), models=("a",)), {"name": "new", "cap_day_nanousd": None})


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_a_key_ends_to_the_microsecond(expires: int, replaced: int) -> None:
    who = caller(expires_us=NOW + expires, replaced_us=NOW + replaced)
    if min(expires, replaced) > 0:
        check_time(who, NOW)
        return
    with pytest.raises(NotAuthenticated, match=r"(expired at|worked until) 2027") as refused:
        check_time(who, NOW)
    assert refused.value.code == ("api_key_expired" if expires <= 0 else "api_key_rotated")


def test_refusals_say_what_is_allowed() -> None:
    with pytest.raises(NotAllowed, match="only `a`, `b`"):
        check_model(caller(models=("a", "b")), "c")
    with pytest.raises(NotAllowed, match="`chat` or `fim`, and this one has `usage:read`, `keys`"):
        check_scope(caller(scopes=("usage:read",), manages_keys=True), "chat", "fim")
    with pytest.raises(NotAllowed, match="has none"):
        check_scope(caller(scopes=()), "keys")
    with pytest.raises(NotAllowed, match=r"not be used from 10\.0\.0\.1") as refused:
        check_address(caller(ips=("192.0.2.0/24",)), "10.0.0.1")
    assert "192.0.2" not in refused.value.message, "a thief is not told from where it would work"
    for scope in SCOPES:
        check_scope(caller(), scope)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"models": ()}, "models"),
        ({"ips": ()}, "ips"),
        ({"ips": tuple(f"10.0.0.{n}/32" for n in range(101))}, "ips"),
        ({"expires_us": NOW}, "expires_at"),
    ],
)
def test_limits_that_are_none(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        check_limits(fields, NOW)
    assert refused.value.param == param
    check_limits({"models": ("a",), "ips": None, "expires_us": NOW + 1}, NOW)
