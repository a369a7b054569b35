"""The relay's own HTTP client against servers that answer in every way that HTTP/1.1 allows, and in some that it does not."""

import asyncio
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from gateway.errors import WorkerFailed, WorkerTimedOut, WorkerUnreachable
from gateway.workers import connection, wire
from gateway.workers.http import Answer, read_body
from gateway.workers.wire import WireClient
from tests.workers.saying import CHUNKED, EARLY, LENGTH, TO_THE_END, Says, Server, saying, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[True, False], ids=["uvloop", "asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


async def ask(client: WireClient, url: str, body: bytes | None = b"{}", within_s: float = 2) -> Answer:
    return await client.send("POST", url, {"accept": "*/*"}, body, within_s=within_s)


@pytest.mark.parametrize(
    ("says", "kept"),
    [
        (saying(LENGTH), True),
        (saying(*(bytes([each]) for each in LENGTH)), True),
        (saying(EARLY + LENGTH), True),
        (saying(CHUNKED, b"2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n", pause_s=0.01), True),
        (saying(CHUNKED + b"5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n"), True),
        (saying(TO_THE_END, then_close=True), False),
        (saying(LENGTH.replace(b"200 OK", b"200 OK\r\nconnection: close"), then_close=True), False),
    ],
)
async def test_a_body_however_it_is_framed(says: Says, kept: bool) -> None:
    async with serving(says) as (server, url, client):
        for _ in range(2):
            answer = await ask(client, url)
            assert answer.status == 200
            assert await read_body(answer, 100, 2) == b"hello"
            assert await answer.read(1) == b"", "the end stays the end"
            answer.close()
            answer.close()
        assert server.connections == (1 if kept else 2)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /v1/x?y=1 HTTP/1.1"
    assert b"host: 127.0.0.1:" in head and b"accept: */*" in head
    assert body == b"{}"


async def test_names_are_lower_case_and_said_twice_are_joined() -> None:
    async with serving(saying(LENGTH)) as (_, url, client):
        answer = await ask(client, url)
        assert answer.headers["x-two"] == "a, b"
        answer.close()


async def test_no_body_is_not_an_empty_one() -> None:
    async with serving(saying(LENGTH)) as (server, url, client):
        (await client.send("GET", url, {}, within_s=2)).close()
        await asyncio.sleep(0.05)
    assert b"content-length" not in server.requests[0]


async def test_a_large_request_arrives_whole() -> None:
    body = bytes(range(256)) * 4096
    async with serving(saying(LENGTH)) as (server, url, client):
        (await ask(client, url, body)).close()
    assert server.requests[0].endswith(body)


async def test_nobody_there() -> None:
    client = WireClient(connect_timeout_s=1)
    with pytest.raises(WorkerUnreachable):
        await ask(client, "http://127.0.0.1:9/v1")
    with pytest.raises(WorkerUnreachable):
        await ask(client, "http://no-such-host.invalid/v1")


@pytest.mark.parametrize(
    "says",
    [
        saying(then_close=True),
        saying(b"HTTP/1.1 200 OK\r\ncontent-le", then_close=True),
        saying(b"220 mail.example.com ESMTP\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nx: " + b"y" * (connection.HEAD_BYTES_MAX + 1) + b"\r\n\r\n"),
    ],
    ids=["silence", "half a head", "not HTTP", "too much head"],
)
async def test_no_answer(says: Says) -> None:
    async with serving(says) as (_, url, client):
        with pytest.raises(WorkerFailed) as failed:
            await ask(client, url)
    assert failed.value.work_started and not isinstance(failed.value, WorkerUnreachable)


@pytest.mark.parametrize(
    "says",
    [
        saying(LENGTH[:-2], then_close=True),
        saying(CHUNKED + b"5\r\nhello\r\n", then_close=True),
        saying(CHUNKED + b"5\r\nhello\r\nnot a length\r\n"),
    ],
    ids=["too short", "no last chunk", "bad chunk"],
)
async def test_a_body_that_is_cut_is_no_body(says: Says) -> None:
    async with serving(says) as (_, url, client):
        answer = await ask(client, url)
        with pytest.raises(WorkerFailed):
            await read_body(answer, 100, 2)
        answer.close()


async def test_silence_has_an_end() -> None:
    async def nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async with serving(nothing) as (server, url, client):
        begun = time.monotonic()
        with pytest.raises(WorkerTimedOut, match=r"silent for 0\.2 s"):
            await ask(client, url, within_s=0.2)
        assert time.monotonic() - begun < 1
    async with serving(saying(CHUNKED + b"5\r\nhello\r\n")) as (server, url, client):
        answer = await ask(client, url)
        assert await answer.read(1) == b"hello"
        with pytest.raises(WorkerTimedOut):
            await answer.read(0.2)
        answer.close()
        await asyncio.wait_for(server.cut.wait(), 1)


async def test_closing_before_the_end_stops_the_worker() -> None:
    async with serving(saying(CHUNKED + b"5\r\nhello\r\n")) as (server, url, client):
        answer = await ask(client, url)
        answer.close()
        await asyncio.wait_for(server.cut.wait(), 1)
        with pytest.raises(WorkerFailed):
            await answer.read(1)


async def test_a_cancelled_wait_loses_nothing() -> None:
    said = saying(CHUNKED, b"2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n", pause_s=0.1)
    async with serving(said) as (_, url, client):
        answer, parts = await ask(client, url), []
        while True:
            reading = asyncio.ensure_future(answer.read(2))
            await asyncio.sleep(0.03)
            if not reading.done():
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                continue
            if not reading.result():
                break
            parts.append(reading.result())
        assert b"".join(parts) == b"hello"
        answer.close()


async def test_a_connection_that_was_closed_for_idleness_is_made_again() -> None:
    """The server hangs up in the moment in which the connection is used again."""
    served = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        if served == 2:
            writer.close()
            raise ConnectionError
        writer.write(LENGTH)

    async with serving(once) as (server, url, client):
        for _ in range(2):
            answer = await ask(client, url)
            assert await read_body(answer, 100, 2) == b"hello"
            answer.close()
        assert server.connections == 2
        assert len(server.requests) == 3, "asked again, because not a byte had come"


UNASKED = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize("pause_s", [0.0, 0.02])
async def test_an_answer_to_nothing_is_nobodys(pause_s: float) -> None:
    """With the first answer, or while the connection waits to be used again."""

    async def says(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if pause_s == 0:
            writer.write(LENGTH + UNASKED)
        else:
            writer.write(LENGTH)
            await asyncio.sleep(pause_s)
            writer.write(UNASKED)

    async with serving(says) as (server, url, client):
        for _ in range(3):
            answer = await ask(client, url)
            assert answer.status == 200
            assert await read_body(answer, 100, 2) == b"hello"
            answer.close()
            await asyncio.sleep(2.5 * pause_s)
        assert server.connections == 3


async def test_an_old_connection_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(saying(LENGTH)) as (server, url, client):
        (await _whole(client, url)).close()
        monkeypatch.setattr(wire, "KEPT_S", 0.0)
        (await _whole(client, url)).close()
        assert server.connections == 2


async def _whole(client: WireClient, url: str) -> Answer:
    answer = await ask(client, url)
    await read_body(answer, 100, 2)
    return answer


async def test_whoever_does_not_read_makes_the_worker_wait() -> None:
    sent = 0

    async def much(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 * 2**20))
        for _ in range(1024):
            writer.write(b"x" * 2**16)
            await writer.drain()
            sent += 2**16

    async with serving(much) as (_, url, client):
        answer = await ask(client, url)
        await asyncio.sleep(0.3)
        assert sent < 32 * 2**20, "the sockets' buffers and a little more, not all of it"
        assert len(await read_body(answer, 2**27, 20)) == 64 * 2**20
        answer.close()


async def test_many_at_once_each_have_their_own_answer() -> None:
    servers: list[Server] = []

    async def echo(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = servers[0].requests[-1].partition(b"\r\n\r\n")[2]
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    async with serving(echo) as (server, url, client):
        servers.append(server)

        async def one(number: int) -> None:
            answer = await ask(client, url, b"%d" % number)
            assert await read_body(answer, 100, 5) == b"%d" % number
            answer.close()

        for _ in range(5):
            await asyncio.gather(*(one(number) for number in range(64)))
        assert server.connections <= 64


@pytest.fixture
def certified(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of our own for 127.0.0.1, and a server's side of it."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return certificate, context


async def test_tls_is_verified(
    certified: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, context = certified
    wire._tls.cache_clear()
    async with serving(saying(LENGTH), context) as (_, url, client):
        with pytest.raises(WorkerUnreachable):
            await ask(client, url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        wire._tls.cache_clear()
        answer = await ask(client, url)
        assert await read_body(answer, 100, 2) == b"hello"
        answer.close()
    wire._tls.cache_clear()
