"""POST to an address that a stranger chose, without becoming their way into this network.

A name is resolved once; every address that it has must be a public one, and the connection goes to that very address,
with the name only in TLS and in `Host`: a name that resolves to something else a moment later changes nothing.  No
redirect is followed, no proxy of the environment is used, no connection is kept for another name; of the answer only
the head is read, and there is one deadline for everything.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx
import msgspec

ADDRESSES_MAX = 4
"""Of a name, tried one after the other until one takes the connection."""
URL_CHARS_MAX = 2000
_PORTS = (80, 443)
_PRIVILEGED = 1024
_NAT64 = ip_network("64:ff9b::/96")
_UNICAST = ip_network("2000::/3")
_PLATFORMS = (ip_network("168.63.129.16/32"), ip_network("192.0.0.0/24"))
"""Public by their numbers, and yet inside: where Azure and Oracle answer their machines."""

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, for a port.  Raises OSError."""


class Refused(Exception):
    """A URL that is not asked; the message says why."""


class Unreachable(Exception):
    """No answer: no connection, no TLS, none in time."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """`retry_after_s` as the server asked; None: it did not."""

    status: int
    retry_after_s: int | None = None


async def resolve(host: str, port: int) -> list[str]:
    """As the system does it, which takes `2130706433`, `0x7f.1` and `127.1` for addresses, too."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def is_public(address: str) -> bool:
    """Whether it is somewhere out there.  What carries another address inside is as public as that."""
    found = ip_address(address.partition("%")[0])
    inner = _inner(found)
    if inner is not None:
        return is_public(str(inner))
    if isinstance(found, IPv6Address):
        return found in _UNICAST and found.is_global
    inside = found.is_multicast or found.is_reserved or any(found in each for each in _PLATFORMS)
    return found.is_global and not inside


def _inner(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, NAT64."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def check_url(url: str, *, private_targets: bool) -> httpx.URL:
    """What can be said before anything is resolved.

    Raises:
        Refused: no usable http(s) URL; or, unless private targets are allowed, one without TLS, at a port of
            another service, or at an address that is not public.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Refused(f"this is no URL: {error}") from error
    if parsed.scheme not in ("https", "http") or not parsed.host or len(url) > URL_CHARS_MAX:
        raise Refused("write the URL like https://example.com/path")
    if parsed.userinfo:
        raise Refused("leave name and password out of the URL; what is sent is signed instead")
    if private_targets:
        return parsed
    if parsed.scheme != "https":
        raise Refused("only https: what is sent says what an account spends")
    if parsed.port is not None and parsed.port < _PRIVILEGED and parsed.port not in _PORTS:
        raise Refused(f"port {parsed.port} belongs to another service; use 443, or one above {_PRIVILEGED}")
    if _is_address(parsed.host):
        _refuse_inside([parsed.host])
    return parsed


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _refuse_inside(addresses: Sequence[str]) -> None:
    for each in addresses:
        if not is_public(each):
            raise Refused(f"it leads to {each}, which is no public address")


class PinnedClient:
    """`private_targets`: for an installation whose receivers are in its own network."""

    def __init__(self, *, private_targets: bool, timeout_s: float, resolve: Resolve = resolve) -> None:
        self.private_targets = private_targets
        self._timeout_s = timeout_s
        self._resolve = resolve
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            trust_env=False,
            follow_redirects=False,
            # A connection was made, and its certificate checked, for one name: another at that address needs its own.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """One try.

        Raises:
            Refused: this URL is not asked.
            Unreachable: nothing answered in time.
        """
        parsed = check_url(url, private_targets=self.private_targets)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(parsed, headers, body)
        except TimeoutError as error:
            raise Unreachable(f"no answer within {self._timeout_s:g} s") from error

    async def _post(self, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> Reply:
        failure = "it has no address"
        for address in (await self._addresses(url))[:ADDRESSES_MAX]:
            request = self._client.build_request(
                "POST",
                url.copy_with(host=address),
                headers={**headers, "host": url.netloc.decode("ascii"), "accept-encoding": "identity"},
                content=body,
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            )
            try:
                return await self._answer(request)
            except httpx.ConnectError as error:
                failure = f"no connection: {error}"
            except httpx.HTTPError as error:
                raise Unreachable(f"it broke off: {str(error) or type(error).__name__}") from error
        raise Unreachable(failure)

    async def _addresses(self, url: httpx.URL) -> Sequence[str]:
        try:
            found = await self._resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"the name {url.host} cannot be resolved") from error
        if not self.private_targets:
            _refuse_inside(found)
        return found

    async def _answer(self, request: httpx.Request) -> Reply:
        response = await self._client.send(request, stream=True)
        await response.aclose()
        after = response.headers.get("retry-after", "")
        return Reply(
            status=response.status_code,
            retry_after_s=int(after) if after.isdecimal() and after.isascii() and len(after) < 10 else None,
        )

    async def close(self) -> None:
        await self._client.aclose()
