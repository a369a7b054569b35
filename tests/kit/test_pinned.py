"""A stranger's URL is asked where its name led when it was looked at, and nowhere inside."""

import asyncio
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kit.pinned import (
    PinnedClient,
    Refused,
    Reply,
    Resolve,
    Unreachable,
    check_url,
    is_public,
    resolve,
)
from tests.fixtures.receiver import Receiver, drip, megabytes, status
from tests.fixtures.running import free_port


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def post(
    url: str, *, private: bool = True, names: Resolve = resolve, timeout_s: float = 5.0, times: int = 1
) -> Reply:
    async def run() -> Reply:
        client = PinnedClient(private_targets=private, timeout_s=timeout_s, resolve=names)
        try:
            for _ in range(times):
                reply = await client.post(url, {"content-type": "application/json"}, b"{}")
        finally:
            await client.close()
        return reply

    return asyncio.run(run())


def book(*answers: str) -> Resolve:
    """A resolver that says these, one after the other, and then the last again."""
    left = list(answers)

    async def look_up(host: str, port: int) -> list[str]:
        assert host and port
        return (left.pop(0) if len(left) > 1 else left[0]).split()

    return look_up


INSIDE = (
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
    "168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001::1", "5f00::1",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_that_are(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_what_stands_for_an_address_is_as_public_as_it(address: IPv4Address) -> None:
    number = int(address)
    mapped, nat64 = IPv6Address(0xFFFF << 32 | number), IPv6Address(0x64FF9B << 96 | number)
    sixtofour = IPv6Address(0x2002 << 112 | number << 80)
    assert {is_public(str(each)) for each in (mapped, nat64, sixtofour)} == {is_public(str(address))}


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0x7f000001", "127.1", "017700000001", "localhost", "[::1]",
                                  "[::ffff:127.0.0.1]", "127.0.0.1", "169.254.169.254", "0", "localhost."])  # fmt: skip
def test_however_an_inside_address_is_written_nothing_is_asked_there(host: str, receiver: Receiver) -> None:
    """By the system's own resolver."""
    with pytest.raises((Refused, Unreachable)):
        post(f"https://{host}:{receiver.port}/hook", private=False)
    assert receiver.received == []


def test_a_name_that_also_leads_inside_is_refused() -> None:
    for addresses in ("127.0.0.1", "8.8.8.8 127.0.0.1", "::ffff:10.0.0.1"):
        with pytest.raises(Refused, match="no public address"):
            post("https://rebind.example/hook", private=False, names=book(addresses))


def test_a_name_is_resolved_once_and_the_connection_goes_where_that_led(receiver: Receiver) -> None:
    """Rebinding: whoever resolved again at the connection would be led elsewhere the second time."""
    url = f"http://rebind.example:{receiver.port}/hook"
    assert post(url, names=book("127.0.0.1", "192.0.2.1")).status == 204
    assert receiver.received[0].headers["host"] == f"rebind.example:{receiver.port}"
    with pytest.raises(Refused):
        post("https://rebind.example/hook", private=False, names=book("127.0.0.1", "8.8.8.8"))


def test_every_request_is_resolved_anew(receiver: Receiver) -> None:
    url = f"http://rebind.example:{receiver.port}/hook"
    with pytest.raises(Unreachable):
        post(url, names=book("127.0.0.1", ""), times=2)
    assert len(receiver.received) == 1


def test_the_next_address_is_tried_where_nobody_listens(receiver: Receiver) -> None:
    url = f"http://two.example:{receiver.port}/hook"
    assert post(url, names=book("::1 127.0.0.1")).status == 204
    with pytest.raises(Unreachable, match="no connection"):
        post(f"http://127.0.0.1:{free_port()}/")


@pytest.mark.parametrize("url", [
    "http://example.com/", "https://example.com:22/", "https://example.com:25/", "https://u:p@example.com/", "ftp://example.com/",
    "https:///x", "example.com", "", "https://10.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://x/" + "a" * 2000,
    "gopher://127.0.0.1:6379/_x", "file:///etc/passwd", "https://example.com\x00/",
])  # fmt: skip
def test_urls_that_are_refused_before_anything_is_resolved(url: str) -> None:
    with pytest.raises(Refused):
        check_url(url, private_targets=False)


def test_urls_that_are_taken() -> None:
    for url in (
        "https://example.com",
        "https://example.com:8443/a?b=c",
        "https://8.8.8.8/",
        "https://münchen.example/",
    ):
        assert check_url(url, private_targets=False).scheme == "https"
    assert check_url("http://10.0.0.1:9000/", private_targets=True).port == 9000


def test_redirects_are_answers(receiver: Receiver) -> None:
    receiver.answers = [status(302, location="http://169.254.169.254/latest/meta-data/")]
    assert post(receiver.url).status == 302
    assert len(receiver.received) == 1


def test_who_hangs_or_drips_is_left_at_the_deadline(receiver: Receiver) -> None:
    for answer in (receiver.hang, drip):
        receiver.answers = [answer]
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="no answer within"):
            post(receiver.url, timeout_s=0.3)
        assert time.monotonic() - begun < 3


def test_a_name_that_takes_for_ever_is_left_at_the_deadline() -> None:
    async def never(host: str, port: int) -> list[str]:
        assert host and port
        await asyncio.sleep(60)
        return []

    with pytest.raises(Unreachable, match="no answer within"):
        post("https://slow.example/", names=never, timeout_s=0.2)


def test_of_a_long_answer_the_head_is_enough(receiver: Receiver) -> None:
    receiver.answers = [megabytes]
    begun = time.monotonic()
    assert post(receiver.url).status == 200
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("said", "heard"), [("120", 120), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-5", None), ("9" * 30, None)]
)
def test_when_to_come_again(receiver: Receiver, said: str, heard: int | None) -> None:
    receiver.answers = [status(503, retry_after=said)]
    assert post(receiver.url) == Reply(status=503, retry_after_s=heard)


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    assert post(receiver.url).status == 204


class TlsServer:
    """Takes one connection after another, and keeps the names that clients asked for."""

    def __init__(self, folder: Path, name: str) -> None:
        self.names: list[str | None] = []
        self.certificate = folder / "cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", self.certificate,
             "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"],
            check=True, capture_output=True,
        )  # fmt: skip
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, folder / "key.pem")
        self._context.sni_callback = lambda _socket, asked, _context: self.names.append(asked)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(plain, server_side=True) as talk:
                    stream, length = talk.makefile("rb"), 0
                    for line in iter(stream.readline, b"\r\n"):
                        name, _, value = line.partition(b":")
                        length = int(value) if name.lower() == b"content-length" else length
                    stream.read(length)  # whoever closes with something unread resets the connection
                    talk.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            except (ssl.SSLError, ConnectionError):
                plain.close()

    def close(self) -> None:
        self._socket.close()


def test_tls_is_with_the_name_though_the_connection_is_to_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = TlsServer(tmp_path, "hooks.example")
    url = f"https://hooks.example:{server.port}/"
    with pytest.raises(Unreachable, match=r"(?i)certificate"):
        post(url, names=book("127.0.0.1"))  # nobody we trust says that this is hooks.example
    monkeypatch.setattr(certifi, "where", lambda: str(server.certificate))
    assert post(url, names=book("127.0.0.1")).status == 200
    assert server.names == ["hooks.example"] * 2
    with pytest.raises(Unreachable, match=r"(?i)certificate|hostname"):
        post(f"https://other.example:{server.port}/", names=book("127.0.0.1"))
    server.close()
