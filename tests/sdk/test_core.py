"""The pure core: requests, when to try again, and errors."""

import json
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
import tollway
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from tollway import _errors
from tollway._core import ask, own, refusals, request, retry

BROKE = {"error": {"message": "no", "type": "insufficient_quota", "param": "max_tokens", "code": "insufficient_credit",
                   "needed_nanousd": 5, "available_nanousd": 2, "new": [1]}, "message": "no"}  # fmt: skip


def sent(stream: bool = False, **fields: Any) -> Any:
    make = ask.streamed_chat if stream else ask.chat
    return json.loads(make({"model": "m", "messages": [], **fields}).body or b"")


def test_a_request_leaves_out_what_was_not_given() -> None:
    assert sent(max_tokens=None) == {"model": "m", "messages": []}


def test_a_request_holds_all_that_was_given() -> None:
    known = {"max_tokens": 5, "temperature": 0.0, "top_p": 0.5, "stop": ["x"], "tools": [{"type": "function"}],
             "tool_choice": "auto", "response_format": {"type": "json_object"}, "seed": 0}  # fmt: skip
    given_ = {**known, "messages": [{"role": "user", "content": "é"}], "extra_body": {"top_k": 5, "seed": 1}}
    expected = {"model": "m", "messages": [{"role": "user", "content": "é"}], **known, "top_k": 5, "seed": 1}
    assert sent(**given_) == expected
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    assert sent(stream=True, **given_) == expected | asked


def test_a_text_is_a_users_message() -> None:
    assert sent(messages="Hello")["messages"] == [{"role": "user", "content": "Hello"}]


def test_null_opts_out_of_the_default_prompt_and_nothing_else_is_null() -> None:
    assert sent(prompt_mode=None, seed=None) == {"model": "m", "messages": [], "prompt_mode": None}


@pytest.mark.parametrize("usd", ["0.05", 0.05, Decimal("0.05"), tollway.Money(50_000_000)])
def test_a_limit_is_sent_exactly(usd: Any) -> None:
    assert sent(max_cost_usd=usd)["max_cost_usd"] == "0.050000000"


def test_what_is_not_sent() -> None:
    call = ask.chat(
        {"model": "m", "messages": [], "timeout_s": 3.0, "idempotency_key": "mine", "extra_body": None}
    )
    assert (call.timeout_s, call.idempotency_key) == (3.0, "mine")
    assert json.loads(call.body or b"") == {"model": "m", "messages": []}
    assert ask.chat({"model": "m", "messages": []}).idempotency_key != ask.chat(
        {"model": "m", "messages": []}
    )


def test_any_mapping_is_a_message() -> None:
    message = MappingProxyType({"role": "user", "content": ("x",)})
    assert sent(messages=(message,))["messages"] == [{"role": "user", "content": ["x"]}]


@pytest.mark.parametrize("name", ["stream", "stream_options"])
def test_the_method_says_whether_to_stream(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        sent(extra_body={name: True})


def test_a_field_that_is_not_known_is_a_typing_error() -> None:
    with pytest.raises(TypeError, match=r"'temprature'.*extra_body"):
        sent(temprature=1)
    with pytest.raises(TypeError, match="messages must be given"):
        ask.chat({"model": "m"})  # type: ignore[typeddict-item]


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        sent(messages=[{"role": object()}])


def _usage(group_by: Any, since: str | None, **chosen: Any) -> Any:
    nothing = dict.fromkeys(("model", "key_id", "project_id", "limit", "after"))
    return own.usage(group_by, since, None, **nothing | chosen)


def test_paths_and_headers() -> None:
    post = ask.chat({"model": "m", "messages": [], "idempotency_key": "k1"})
    assert (post.method, post.path) == ("POST", "/v1/chat/completions")
    said = request.headers("tw_x", post)
    assert (said["authorization"], said["idempotency-key"]) == ("Bearer tw_x", "k1")
    assert said["content-type"] == "application/json"
    assert "idempotency-key" not in request.headers("tw_x", own.models())
    assert own.receipt("req/../1?").path == "/v1/receipts/req%2F..%2F1%3F"
    assert _usage("day", None).path == "/v1/usage?group_by=day"
    since = _usage("key", "2026-11-01T00:00:00+01:00", model="m", limit=5, after="a b").path
    assert since == "/v1/usage?group_by=key&since=2026-11-01T00%3A00%3A00%2B01%3A00&model=m&limit=5&after=a+b"


def test_an_instant_has_a_timezone() -> None:
    assert request.instant(datetime(2026, 11, 1, tzinfo=UTC)) == "2026-11-01T00:00:00+00:00"
    with pytest.raises(ValueError, match="timezone"):
        request.instant(datetime(2026, 11, 1))  # noqa: DTZ001 - that is the point


def test_amounts_are_written_exactly_and_what_is_not_mentioned_is_left_out() -> None:
    call = own.change_key("key_1", {"name": UNSET, "cap_day_usd": 0.5, "cap_month_usd": None})
    assert json.loads(call.body or b"") == {"cap_day_usd": "0.500000000", "cap_month_usd": None}


@pytest.mark.parametrize(
    "given_url", ["http://gw", "http://gw/", "http://gw/v1", "http://gw/v1/", "http://gw//v1", " http://gw\n"]
)
def test_one_base_url_however_it_is_written(given_url: str) -> None:
    assert request.account("tw_k", given_url, {}).base_url == "http://gw"
    assert request.account("tw_k", None, {"TOLLWAY_BASE_URL": given_url}).base_url == "http://gw"


def test_arguments_come_before_the_environment() -> None:
    environ = {"TOLLWAY_API_KEY": "tw_env\n", "TOLLWAY_BASE_URL": "http://env"}
    assert request.account(None, None, environ) == request.Account("tw_env", "http://env")
    assert request.account("tw_arg", "http://arg", environ) == request.Account("tw_arg", "http://arg")
    assert request.account("tw_arg", None, {}).base_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize("key", ["tw_a b", "tw_a\nb", "tw_…", "tw_\x00"])
def test_a_key_that_cannot_travel_is_refused_unquoted(key: str) -> None:
    with pytest.raises(tollway.TollwayError, match="pasted") as refused:
        request.account(key, None, {})
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
    assert retry.after_status_s(attempt, 2, status, headers, 0.0) == pause


GET, ASK, MAKE = own.models(), ask.chat({"model": "m", "messages": []}), own.create_key("k", {}, None)
LOST = tollway.APIConnectionError("lost", passing=True)
REFUSED = tollway.APIConnectionError("refused", reached=False, passing=True)
LATE = tollway.APITimeoutError("late", passing=True)


@pytest.mark.parametrize(
    ("call", "broken", "attempt", "pause"),
    [
        (GET, LOST, 0, 0.5),
        (GET, LATE, 1, 1.0),
        (GET, LOST, 2, None),
        (ASK, REFUSED, 0, 0.5),
        (ASK, LOST, 0, 0.5),
        (ASK, LATE, 0, None),
        (MAKE, REFUSED, 0, 0.5),
        (MAKE, LOST, 0, None),
        (ASK, tollway.APIConnectionError("a bad URL", reached=False), 0, None),
    ],
)
def test_when_to_try_again_without_an_answer(
    call: request.Call[Any], broken: tollway.APIConnectionError, attempt: int, pause: float | None
) -> None:
    assert retry.after_break_s(attempt, 2, broken, call, 0.0) == pause


@given(st.integers(0, 60), st.floats(0, 1, exclude_max=True))
def test_pauses_are_bounded_and_vary(attempt: int, dice: float) -> None:
    pause = retry.after_status_s(attempt, 100, 503, {}, dice)
    assert pause is not None
    assert 0.25 <= pause <= 8.0
    assert (pause < (retry.after_status_s(attempt, 100, 503, {}, 0.0) or 0)) == (1.0 - dice / 2.0 < 1.0)


KINDS = [(400, "BadRequest"), (401, "AuthenticationFailed"), (402, "InsufficientCredits"), (403, "PermissionDenied"),
         (404, "NotFound"), (409, "Conflict"), (413, "RequestTooLarge"), (418, "APIStatusError"), (302, "APIStatusError"),
         (429, "RateLimited"), (500, "ServerError"), (503, "ServerError"), (599, "ServerError")]  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), KINDS)
def test_each_status_has_its_error(status: int, kind: str) -> None:
    error = refusals.status_error(
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
        assert (error.needed, error.available) == (tollway.Money(5), tollway.Money(2))
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "context_length_exceeded", tollway.ContextTooLong),
        (402, "key_cap_reached", tollway.KeyCapReached),
        (402, "project_cap_reached", tollway.ProjectCapReached),
        (402, "max_cost_exceeded", tollway.BudgetExceeded),
    ],
)
def test_the_gateways_word_says_more_than_the_status(status: int, code: str, kind: type[Exception]) -> None:
    body = {
        "error": {
            "message": "no",
            "code": code,
            "needed_nanousd": 5,
            "available_nanousd": 2,
            "tokens": 9,
            "limit": 8,
        }
    }
    error = refusals.status_error(status, {}, json.dumps(body).encode())
    assert type(error) is kind
    if isinstance(error, tollway.ContextTooLong):
        assert (error.tokens, error.limit) == (9, 8)
    else:
        assert (error.needed, error.available) == (tollway.Money(5), tollway.Money(2))


def test_what_an_error_does_not_say_is_none() -> None:
    error = refusals.status_error(402, {}, b'{"error": {"message": "no", "request_id": "req_b"}}')
    assert isinstance(error, tollway.InsufficientCredits)
    assert (error.needed, error.available, error.code, error.param) == (None,) * 4
    assert error.request_id == "req_b"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": null}', b'{"error": "x"}', b"\xff"])
def test_an_error_that_is_not_ours_is_still_an_error(body: bytes) -> None:
    error = refusals.status_error(502, {}, body)
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
