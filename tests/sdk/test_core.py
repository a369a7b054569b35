"""The pure core: requests, when to try again, and errors."""

import json
import pickle
from types import MappingProxyType
from typing import Any

import pytest
import tollway
from hypothesis import given
from hypothesis import strategies as st
from tollway import _core, _errors
from tollway._core import ChatFields

BROKE = {"error": {"message": "no", "type": "insufficient_quota", "param": "max_tokens", "code": "insufficient_credit",
                   "needed_nanousd": 5, "available_nanousd": 2, "new": [1]}, "message": "no"}  # fmt: skip


def body_of(fields: ChatFields, *, stream: bool = False) -> Any:
    return json.loads(_core.chat_request(fields, "k1", stream=stream).body or b"")


def test_a_request_leaves_out_what_was_not_given() -> None:
    assert body_of(ChatFields(model="m", messages=[])) == {"model": "m", "messages": []}


def test_a_request_holds_all_that_was_given() -> None:
    known = {"max_tokens": 5, "temperature": 0.0, "top_p": 0.5, "stop": ["x"], "tools": [{"type": "function"}],
             "tool_choice": "auto", "response_format": {"type": "json_object"}, "seed": 0}  # fmt: skip
    fields = ChatFields(
        model="m", messages=[{"role": "user", "content": "é"}], **known, extra_body={"top_k": 5, "seed": 1}
    )
    expected = {"model": "m", "messages": [{"role": "user", "content": "é"}], **known, "top_k": 5, "seed": 1}
    assert body_of(fields) == expected
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    assert body_of(fields, stream=True) == expected | asked


def test_any_mapping_is_a_message() -> None:
    message = MappingProxyType({"role": "user", "content": ("x",)})
    assert body_of(ChatFields(model="m", messages=(message,)))["messages"] == [
        {"role": "user", "content": ["x"]}
    ]


@pytest.mark.parametrize("name", ["stream", "stream_options"])
def test_the_method_says_whether_to_stream(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        body_of(ChatFields(model="m", messages=[], extra_body={name: True}))


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        body_of(ChatFields(model="m", messages=[{"role": object()}]))


def test_paths_and_headers() -> None:
    post = _core.chat_request(ChatFields(model="m", messages=[]), "k1", stream=False)
    assert (post.method, post.path) == ("POST", "/v1/chat/completions")
    said = _core.headers("tw_x", post)
    assert (said["authorization"], said["idempotency-key"]) == ("Bearer tw_x", "k1")
    assert said["content-type"] == "application/json"
    assert "idempotency-key" not in _core.headers("tw_x", _core.models_request())
    assert _core.receipt_request("req/../1?").path == "/v1/receipts/req%2F..%2F1%3F"
    assert _core.usage_request("day", None, None).path == "/v1/usage?group_by=day"
    since = _core.usage_request("key", "2026-11-01T00:00:00+01:00", None).path
    assert since == "/v1/usage?group_by=key&since=2026-11-01T00%3A00%3A00%2B01%3A00"


@pytest.mark.parametrize(
    "given_url", ["http://gw", "http://gw/", "http://gw/v1", "http://gw/v1/", "http://gw//v1", " http://gw\n"]
)
def test_one_base_url_however_it_is_written(given_url: str) -> None:
    assert _core.account("tw_k", given_url, {}).base_url == "http://gw"
    assert _core.account("tw_k", None, {"TOLLWAY_BASE_URL": given_url}).base_url == "http://gw"


def test_arguments_come_before_the_environment() -> None:
    environ = {"TOLLWAY_API_KEY": "tw_env\n", "TOLLWAY_BASE_URL": "http://env"}
    assert _core.account(None, None, environ) == _core.Account("tw_env", "http://env")
    assert _core.account("tw_arg", "http://arg", environ) == _core.Account("tw_arg", "http://arg")
    assert _core.account("tw_arg", None, {}).base_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize("key", ["tw_a b", "tw_a\nb", "tw_…", "tw_\x00"])
def test_a_key_that_cannot_travel_is_refused_unquoted(key: str) -> None:
    with pytest.raises(tollway.TollwayError, match="pasted") as refused:
        _core.account(key, None, {})
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    ("attempt", "status", "headers", "pause"),
    [
        (0, 408, {}, 0.5),
        (0, 409, {}, 0.5),
        (0, 429, {}, 0.5),
        (1, 503, {}, 1.0),
        (0, 500, {}, 0.5),
        (0, 429, {"retry-after": "3"}, 3.0),
        (0, 503, {"retry-after": "0"}, 0.0),
        (0, 429, {"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        (0, 429, {"retry-after": "soon"}, 0.5),
        (0, 429, {"retry-after": "-1"}, 0.5),
        (0, 429, {"retry-after": "nan"}, 0.5),
        (0, 429, {"retry-after": "120"}, 120.0),
        (0, 429, {"retry-after": "121"}, None),
        (0, 400, {"retry-after": "1"}, None),
        (0, 401, {}, None),
        (0, 402, {}, None),
        (0, 404, {}, None),
        (0, 302, {}, None),
        (0, 502, {"x-should-retry": "false", "retry-after": "1"}, None),
        (0, 400, {"x-should-retry": "true"}, 0.5),
        (0, 402, {"x-should-retry": "True"}, 0.5),
        (2, 503, {}, None),
        (2, 503, {"x-should-retry": "true"}, None),
    ],
)
def test_when_to_try_again(attempt: int, status: int, headers: dict[str, str], pause: float | None) -> None:
    assert _core.retry_status_s(attempt, 2, status, headers, 0.0) == pause


@pytest.mark.parametrize(
    ("method", "reached", "attempt", "pause"),
    [("GET", True, 0, 0.5), ("GET", False, 1, 1.0), ("POST", False, 0, 0.5), ("POST", True, 0, None),
     ("POST", False, 2, None), ("GET", True, 2, None)],
)  # fmt: skip
def test_when_to_try_again_without_an_answer(
    method: str, reached: bool, attempt: int, pause: float | None
) -> None:
    request = _core.Request(method, "/v1/x")
    assert _core.retry_broken_s(attempt, 2, request, 0.0, reached=reached) == pause


@given(st.integers(0, 60), st.floats(0, 1, exclude_max=True))
def test_pauses_are_bounded_and_vary(attempt: int, dice: float) -> None:
    pause = _core.retry_status_s(attempt, 100, 503, {}, dice)
    assert pause is not None
    assert 0.25 <= pause <= 8.0
    assert (pause < (_core.retry_status_s(attempt, 100, 503, {}, 0.0) or 0)) == (1.0 - dice / 2.0 < 1.0)


KINDS = [(400, "BadRequest"), (401, "AuthenticationFailed"), (402, "InsufficientCredits"), (403, "PermissionDenied"),
         (404, "NotFound"), (409, "Conflict"), (413, "RequestTooLarge"), (418, "APIStatusError"), (302, "APIStatusError"),
         (429, "RateLimited"), (500, "ServerError"), (503, "ServerError"), (599, "ServerError")]  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), KINDS)
def test_each_status_has_its_error(status: int, kind: str) -> None:
    error = _core.status_error(
        status, {"x-request-id": "req_1", "retry-after": "2"}, json.dumps(BROKE).encode()
    )
    assert type(error) is getattr(tollway, kind)
    assert isinstance(error, tollway.APIStatusError)
    assert (error.status_code, error.code, error.type) == (
        status,
        "insufficient_credit",
        "insufficient_quota",
    )
    assert (error.param, error.message, error.request_id, error.retry_after_s) == (
        "max_tokens",
        "no",
        "req_1",
        2.0,
    )
    assert str(error) == f"no (status {status}, request req_1)"
    if isinstance(error, tollway.InsufficientCredits):
        assert (error.needed_nanousd, error.available_nanousd) == (5, 2)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_what_an_error_does_not_say_is_none() -> None:
    error = _core.status_error(402, {}, b'{"error": {"message": "no", "request_id": "req_b"}}')
    assert isinstance(error, tollway.InsufficientCredits)
    assert (error.needed_nanousd, error.available_nanousd, error.code, error.param) == (None,) * 4
    assert error.request_id == "req_b"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": null}', b'{"error": "x"}', b"\xff"])
def test_an_error_that_is_not_ours_is_still_an_error(body: bytes) -> None:
    error = _core.status_error(502, {}, body)
    assert (type(error), error.request_id) == (tollway.ServerError, None)
    assert error.message


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (_errors.__doc__ or "").splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if name in tollway.__all__:
            depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
            path[depth:] = [name]
            drawn[name] = path[depth - 1] if depth else "Exception"
    classes = [
        each for each in vars(_errors).values() if isinstance(each, type) and issubclass(each, Exception)
    ]
    assert drawn == {each.__name__: each.__mro__[1].__name__ for each in classes}
