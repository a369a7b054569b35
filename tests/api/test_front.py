"""The short way of a POST to an operation's own path answers what the framework's long way does; a query makes it take that."""

from collections.abc import Callable

import httpx
import pytest

from tests.fixtures.running import RunningGateway, chat

CHAT = "/v1/chat/completions"
OF_ITS_OWN = {"x-request-id", "date", "content-length"}


def shape(answer: httpx.Response) -> tuple[int, dict[str, str], object]:
    """What must be alike: all but the ids and the counts of this one request."""
    headers = {name: value for name, value in answer.headers.items() if name not in OF_ITS_OWN}
    body = answer.json()
    error = body.get("error", body)
    said = {name: error.get(name) for name in ("code", "message", "param", "type", "choices")}
    assert answer.headers["x-request-id"].startswith("req_")
    return answer.status_code, headers, said


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({}, b"{}", 401),
        ({"authorization": "Bearer tw_mistyped"}, b"{}", 401),
        (None, b"no json", 400),
        (None, b'{"model": "nobody-has-this", "messages": [{"role": "user", "content": "ok"}]}', 404),
        (None, b"", 400),
    ],
    ids=["no key", "no such key", "no JSON", "no such model", "nothing"],
)
@pytest.mark.parametrize("prefix", ["", "/mistral"])
def test_both_ways_refuse_alike(
    gateway: RunningGateway,
    fresh: Callable[[], str],
    headers: dict[str, str] | None,
    content: bytes,
    status: int,
    prefix: str,
) -> None:
    key = gateway.account(fresh())
    with gateway.api(key) as api:
        if headers is not None:
            del api.headers["authorization"]
            api.headers.update(headers)
        short, long = (
            api.post(where, content=content, headers={"content-type": "application/json"})
            for where in (prefix + CHAT, f"{prefix}{CHAT}?a=b")
        )
    assert short.status_code == status, short.text
    assert shape(short) == shape(long)


def test_both_ways_answer_alike(gateway: RunningGateway, fresh: Callable[[], str]) -> None:
    with gateway.api(gateway.account(fresh())) as api:
        short, long = (api.post(where, json=chat("ok")) for where in (CHAT, f"{CHAT}?a=b"))
    assert short.status_code == 200
    assert shape(short) == shape(long)
