"""HTTP as it travels: what clients, proxies and the impatient send, byte for byte, to the protocol of our own (`api/connection.py`)."""

import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.fixtures.running import RunningGateway, chat, eventually

CHAT = "/v1/chat/completions"
Head = tuple[str, dict[str, str]]


class Wire:
    """One connection, and what was read of it and not looked at yet."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.socket = socket.create_connection(("127.0.0.1", gateway.settings.port), 10)
        self._file = self.socket.makefile("rb")

    def send(self, text: str | bytes) -> None:
        self.socket.sendall(text.encode() if isinstance(text, str) else text)

    def head(self) -> Head:
        status = self._file.readline().decode().strip()
        lines = iter(lambda: self._file.readline().decode().strip(), "")
        return status, dict(line.lower().split(": ", 1) for line in lines)

    def answer(self) -> tuple[str, dict[str, str], bytes]:
        status, headers = self.head()
        if "content-length" in headers:
            return status, headers, self._file.read(int(headers["content-length"]))
        pieces = []
        while size := int(self._file.readline(), 16):
            pieces.append(self._file.read(size))
            assert self._file.read(2) == b"\r\n"
        assert self._file.read(2) == b"\r\n"
        return status, headers, b"".join(pieces)

    def rest(self) -> bytes:
        """Until the gateway closes."""
        return self._file.read()

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@pytest.fixture
def wire(gateway: RunningGateway) -> Iterator[Wire]:
    wire = Wire(gateway)
    yield wire
    wire.close()


def asks(
    key: str, body: bytes, *more: str, path: str = CHAT, method: str = "POST", version: str = "1.1"
) -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: x", f"Authorization: Bearer {key}", f"Content-Length: {len(body)}", *more]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode() + body


def said(text: str, *, stream: bool = False) -> bytes:
    return json.dumps(chat(text, stream=stream)).encode()


def test_two_that_came_in_one_packet_are_answered_in_turn(
    gateway: RunningGateway, fresh: Callable[[], str], wire: Wire
) -> None:
    key = gateway.account(fresh())
    wire.send(asks(key, said("ok")) + asks(key, said("ok tokens=3", stream=True)) + asks("tw_no", b"{}"))
    first, second, third = wire.answer(), wire.answer(), wire.answer()
    assert json.loads(first[2])["choices"]
    assert second[1]["content-type"].startswith("text/event-stream")
    assert second[2].endswith(b"data: [DONE]\n\n")
    assert third[0] == "HTTP/1.1 401 Unauthorized"
    assert len({answer[1]["x-request-id"] for answer in (first, second, third)}) == 3


def test_a_body_in_pieces(gateway: RunningGateway, fresh: Callable[[], str], wire: Wire) -> None:
    key, body = gateway.account(fresh()), said("ok " + "x" * 200_000)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n\r\n"
    wire.send(head)
    for start in range(0, len(body), 70_000):
        piece = body[start : start + 70_000]
        wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        time.sleep(0.02)
    wire.send("0\r\n\r\n")
    assert wire.answer()[0] == "HTTP/1.1 200 OK"


def test_who_asks_whether_to_go_on_is_told_so(
    gateway: RunningGateway, fresh: Callable[[], str], wire: Wire
) -> None:
    key, body = gateway.account(fresh()), said("ok")
    request = asks(key, body, "Expect: 100-continue")
    wire.send(request[: -len(body)])
    assert wire.head() == ("HTTP/1.1 100 Continue", {})
    wire.send(body)
    assert wire.answer()[0] == "HTTP/1.1 200 OK"


def test_too_much_is_refused_before_it_is_sent(
    gateway: RunningGateway, fresh: Callable[[], str], wire: Wire
) -> None:
    request = asks(gateway.account(fresh()), b"", "Expect: 100-continue")
    wire.send(request.replace(b"Content-Length: 0", b"Content-Length: 999999999999"))
    status, _, body = wire.answer()
    assert (status, json.loads(body)["code"]) == (
        "HTTP/1.1 413 Request Entity Too Large",
        "request_too_large",
    )


@pytest.mark.parametrize(
    ("version", "more"), [("1.1", ["Connection: close"]), ("1.0", []), ("1.0", ["Connection: keep-alive"])]
)
def test_who_wants_one_answer_gets_one(
    gateway: RunningGateway, fresh: Callable[[], str], wire: Wire, version: str, more: list[str]
) -> None:
    wire.send(asks(gateway.account(fresh()), said("ok"), *more, version=version))
    status, headers, _ = wire.answer()
    assert (status, headers["connection"]) == ("HTTP/1.1 200 OK", "close")
    assert wire.rest() == b""


def test_a_stream_of_http_1_0_ends_with_its_connection(
    gateway: RunningGateway, fresh: Callable[[], str], wire: Wire
) -> None:
    wire.send(asks(gateway.account(fresh()), said("ok tokens=3", stream=True), version="1.0"))
    status, headers = wire.head()
    assert (status, "transfer-encoding" in headers) == ("HTTP/1.1 200 OK", False)
    body = wire.rest()
    assert body.startswith(b"data: {")
    assert body.endswith(b"data: [DONE]\n\n")


def test_a_head_alone_has_no_body(gateway: RunningGateway, fresh: Callable[[], str], wire: Wire) -> None:
    key = gateway.account(fresh())
    wire.send(asks(key, b"", method="HEAD") + asks(key, said("ok")))
    status, headers = wire.head()
    assert (status, headers["allow"]) == ("HTTP/1.1 405 Method Not Allowed", "post")
    assert wire.answer()[0] == "HTTP/1.1 200 OK"


def test_what_is_no_http_is_refused(wire: Wire) -> None:
    wire.send("SSH-2.0-OpenSSH_9.2\r\n\r\n")
    assert wire.head()[0] == "HTTP/1.1 400 Bad Request"


def test_an_escaped_path_is_the_same_path(
    gateway: RunningGateway, fresh: Callable[[], str], wire: Wire
) -> None:
    wire.send(asks(gateway.account(fresh()), said("ok"), path=CHAT.replace("chat", "ch%61t")))
    assert wire.answer()[0] == "HTTP/1.1 200 OK"


def test_who_leaves_with_another_request_behind_this_one(
    gateway: RunningGateway, fresh: Callable[[], str], wire: Wire
) -> None:
    name = fresh()
    key = gateway.account(name)
    wire.send(asks(key, said("ok tokens=100 delay=0.02", stream=True)) + asks(key, said("ok")))
    assert wire.head()[0] == "HTTP/1.1 200 OK"
    wire.close()
    eventually(lambda: bool(gateway.events(name)), "what was delivered is billed")
    (event,) = gateway.events(name)
    assert (event.outcome, event.output_tokens < 100) == ("client_gone", True)


@pytest.mark.parametrize("words", ["hang", "hang " + "x" * 200_000], ids=["short", "long"])
@pytest.mark.parametrize("whole", [False, True])
def test_who_leaves_before_the_answer_pays_nothing(
    gateway: RunningGateway, fresh: Callable[[], str], wire: Wire, words: str, whole: bool
) -> None:
    """In the middle of its body it has not even asked; after it, its worker is told to stop, however long the body was."""
    name = fresh()
    request = asks(gateway.account(name), said(words))
    wire.send(request if whole else request[:-5])
    time.sleep(0.3)
    wire.close()
    time.sleep(0.5)

    found = [(event.outcome, event.cost_nanousd) for event in gateway.events(name)]
    assert found == ([("client_gone", 0)] if whole else [])
