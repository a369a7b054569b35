"""Bad input and bad workers: the right status, a clear message in the API's shape, and nothing charged."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.kit.db import Database
from tests.fixtures.running import RunningGateway, chat
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def strict(worker: ScriptedWorker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    quick = {"first_byte_timeout_s": 0.3, "chunk_gap_s_max": 0.3}
    with RunningGateway(tmp_path_factory.mktemp("strict"), worker.url, key_cache_s=0.2, **quick) as running:
        yield running


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Checks the error's shape, OpenAI's and Mistral's, and returns it."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    error = body["error"]
    assert error["code"] == code == body["code"]
    assert error["message"] == body["message"]
    assert len(error["message"]) > 10
    assert error["request_id"] == answer.headers["x-request-id"]
    assert body["object"] == "error"
    return error  # type: ignore[no-any-return]


BODIES: list[tuple[str, Any, int, str, str | None]] = [
    ("malformed JSON", b'{"model": ', 400, "invalid_json", None),
    ("not UTF-8", b'{"model": "\xff\xfe"}', 400, "invalid_json", None),
    ("empty", b"", 400, "invalid_json", None),
    ("a list", b"[]", 400, "invalid_request", None),
    ("deep nesting", b'{"model":"m","messages":[{"role":"user"}],"x":' + b"[" * 100_000, 400, "invalid_json", None),
    ("a lone surrogate", b'{"model":"magistral-small-2509","messages":[{"role":"user","content":"\\ud800"}]}', 400, "invalid_json", None),
    ("no model", {"messages": [{"role": "user", "content": "x"}]}, 400, "invalid_request", "model"),
    ("no messages", {"model": "magistral-small-2509"}, 400, "invalid_request", "messages"),
    ("no message", {"model": "magistral-small-2509", "messages": []}, 400, "invalid_request", "messages"),
    ("unknown model", chat("x", model="gpt-9"), 404, "model_not_found", "model"),
    ("negative max_tokens", chat("x", max_tokens=-1), 400, "invalid_request", "max_tokens"),
    ("max_tokens of zero", chat("x", max_tokens=0), 400, "invalid_request", "max_tokens"),
    ("huge max_tokens", chat("x", max_tokens=10**9), 400, "context_length_exceeded", "max_tokens"),
    ("absurd max_tokens", chat("x", max_tokens=10**30), 400, "context_length_exceeded", "max_tokens"),
    ("max_tokens as a string", chat("x", max_tokens="many"), 400, "invalid_request", "max_tokens"),
    ("several choices", chat("x", n=2), 400, "invalid_request", "n"),
    ("an unpriced part", chat("x", messages=[{"role": "user", "content": [{"type": "input_audio"}]}]), 400, "invalid_request", "messages[0].content[0].type"),
    ("an unknown role", chat("x", messages=[{"role": "wizard", "content": "x"}]), 400, "invalid_request", "messages[0].role"),
    ("a number as content", chat("x", messages=[{"role": "user", "content": 5}]), 400, "invalid_request", "messages[0].content"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "body", "status", "code", "param"), BODIES, ids=[row[0] for row in BODIES])
def test_a_body_that_cannot_be_served(
    strict: RunningGateway,
    worker: ScriptedWorker,
    fresh: Name,
    what: str,
    body: Any,
    status: int,
    code: str,
    param: str | None,
) -> None:
    name = fresh()
    asked = len(worker.seen)
    with strict.api(strict.account(name)) as api:
        answer = api.post(CHAT, content=body) if isinstance(body, bytes) else api.post(CHAT, json=body)
    error = refused(answer, status, code)
    assert error["param"] == param
    assert len(worker.seen) == asked, "no worker was asked"
    assert strict.settled_up(name).settled_nanousd == 0


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_of_twenty_megabytes(strict: RunningGateway, fresh: Name, declared: bool) -> None:
    name = fresh()
    chunk = b"x" * 2**20

    def body() -> Iterator[bytes]:
        for _ in range(20):
            yield chunk

    headers = {"content-length": str(20 * 2**20)} if declared else {}
    with strict.api(strict.account(name)) as api:
        refused(api.post(CHAT, content=body(), headers=headers), 413, "request_too_large")
    assert strict.settled_up(name).settled_nanousd == 0


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "missing_api_key"),
        ("Basic abc", "missing_api_key"),
        ("Bearer", "missing_api_key"),
        ("Bearer sk-something-else", "invalid_api_key"),
        ("Bearer tw_0123456789012345678901234567890123456X", "invalid_api_key"),
        ("Bearer ключ", "invalid_api_key"),
    ],
)
def test_a_wrong_key(strict: RunningGateway, authorization: str | None, code: str) -> None:
    import httpx

    headers = {} if authorization is None else {"authorization": authorization.encode()}
    answer = httpx.post(strict.url + CHAT, json=chat("x"), headers=headers, trust_env=False)
    refused(answer, 401, code)


def test_a_well_formed_key_that_nobody_made(strict: RunningGateway) -> None:
    from gateway.keys.mint import mint

    with strict.api(mint("account")) as api:
        refused(api.post(CHAT, json=chat("x")), 401, "invalid_api_key")


def test_a_revoked_key_stops_working_at_once_here_and_soon_everywhere(
    strict: RunningGateway, fresh: Name
) -> None:
    name = fresh()
    first = strict.account(name)
    with strict.api(first) as api, strict.api(strict.operator()) as admin:
        assert api.post(CHAT, json=chat("ok")).status_code == 200
        mine = [key for key in admin.get("/admin/v1/keys").json()["data"] if key["name"] == name]
        assert admin.delete(f"/admin/v1/keys/{mine[0]['id']}").json()["revoked_at"]
        refused(api.post(CHAT, json=chat("ok")), 401, "invalid_api_key")


def test_no_credit(strict: RunningGateway, worker: ScriptedWorker, fresh: Name) -> None:
    name = fresh()
    asked = len(worker.seen)
    with strict.api(strict.account(name, "0")) as api:
        error = refused(api.post(CHAT, json=chat("ok")), 402, "insufficient_credit")
    assert error["needed_nanousd"] > 0
    assert error["available_nanousd"] == 0
    assert len(worker.seen) == asked
    strict.settled_up(name)


def test_an_operators_key_spends_nothing(strict: RunningGateway) -> None:
    with strict.api(strict.operator()) as api:
        refused(api.post(CHAT, json=chat("ok")), 403, "not_allowed")


def test_images_for_a_model_that_cannot_see(tmp_path: Any, fresh: Name) -> None:
    image = [{"type": "image_url", "image_url": "https://example.com/x.png"}]
    body = chat("", model="smollm2-135m", messages=[{"role": "user", "content": image}])
    with (
        ScriptedWorker(models=("smollm2-135m",)) as blind,
        RunningGateway(tmp_path, blind.url) as gateway,
        gateway.api(gateway.account(fresh())) as api,
    ):
        refused(api.post(CHAT, json=body), 400, "invalid_request")
        refused(api.post(CHAT, json=chat("x")), 503, "no_worker")


WORKERS: list[tuple[str, int, str, str]] = [
    ("hang", 504, "worker_timed_out", "deadline"),
    ("rubbish", 502, "worker_failed", "worker_failed"),
    ("drop", 502, "worker_failed", "worker_failed"),
    ("bad_status status=500", 502, "worker_failed", "worker_failed"),
    ("bad_status status=401", 502, "worker_denied", "worker_failed"),
    ("bad_status status=429", 503, "worker_busy", "worker_failed"),
    ("bad_status status=400", 400, "refused_by_worker", "worker_refused"),
    ("bad_status status=422", 400, "refused_by_worker", "worker_refused"),
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("script", "status", "code", "outcome"), WORKERS, ids=[row[0] for row in WORKERS])
def test_a_worker_that_fails_before_the_first_byte(
    strict: RunningGateway, fresh: Name, script: str, status: int, code: str, outcome: str, streamed: bool
) -> None:
    name = fresh()
    with strict.api(strict.account(name)) as api:
        answer = api.post(CHAT, json=chat(script, stream=streamed))
    error = refused(answer, status, code)
    assert "127.0.0.1" not in error["message"], "a worker's address is nobody's business"
    if code == "refused_by_worker":
        assert "the worker's own words" in error["message"]
    if code == "worker_busy":
        assert answer.headers["retry-after"] == "7"
    event = strict.event(answer.headers["x-request-id"])
    assert (event.outcome, event.cost_nanousd) == (outcome, 0)
    assert strict.settled_up(name).settled_nanousd == 0


def test_counts_that_cannot_be(strict: RunningGateway, fresh: Name) -> None:
    name = fresh()
    with strict.api(strict.account(name)) as api:
        refused(api.post(CHAT, json=chat("nonsense")), 502, "worker_failed")
    assert strict.settled_up(name).settled_nanousd == 0


@pytest.mark.parametrize("script", ["die after=3", "error after=3", "hang after=3"])
def test_a_worker_that_dies_mid_stream(strict: RunningGateway, fresh: Name, script: str) -> None:
    name = fresh()
    with strict.api(strict.account(name)) as api:
        answer = api.post(CHAT, json=chat(script, stream=True))
    assert answer.status_code == 200, "the head had left"
    assert answer.text.count('"content":"tok "') == 3
    assert '"error":{' in answer.text
    assert "nothing was charged" in answer.text
    assert "[DONE]" not in answer.text
    event = strict.event(answer.headers["x-request-id"])
    assert event.cost_nanousd == 0
    assert strict.settled_up(name).settled_nanousd == 0


@pytest.mark.parametrize("script", ["garbage", "endless", "die after=0"])
def test_a_stream_of_rubbish(strict: RunningGateway, fresh: Name, script: str) -> None:
    name = fresh()
    with strict.api(strict.account(name)) as api:
        answer = api.post(CHAT, json=chat(script, stream=True))
    assert answer.status_code == 502 or '"error":{' in answer.text
    assert strict.settled_up(name).settled_nanousd == 0


def test_a_worker_that_refuses_connections(worker: ScriptedWorker, tmp_path: Any, fresh: Name) -> None:
    """It was there when the gateway started; then it went away."""
    name = fresh()
    with ScriptedWorker() as doomed, RunningGateway(tmp_path, doomed.url) as gateway:
        key = gateway.account(name)
        doomed.__exit__()
        with gateway.api(key) as api:
            answer = api.post(CHAT, json=chat("ok"))
        refused(answer, 502, "worker_unreachable")
        assert gateway.settled_up(name).settled_nanousd == 0


def test_the_next_worker_is_asked_when_one_cannot_be_reached(
    worker: ScriptedWorker, tmp_path: Any, fresh: Name
) -> None:
    with ScriptedWorker() as doomed, RunningGateway(tmp_path, doomed.url, worker.url) as gateway:
        key = gateway.account(fresh())
        doomed.__exit__()
        with gateway.api(key) as api:
            answer = api.post(CHAT, json=chat("ok"))
        assert answer.status_code == 200
        assert gateway.event(answer.headers["x-request-id"]).worker == worker.url


def test_a_ledger_that_cannot_be_written(
    tmp_path: Any, worker: ScriptedWorker, fresh: Name, monkeypatch: Any
) -> None:
    from gateway.errors import StorageUnavailable

    with RunningGateway(tmp_path, worker.url) as gateway, gateway.api(gateway.account(fresh())) as api:
        assert api.post(CHAT, json=chat("ok")).status_code == 200

        async def broken(self: Database, work: Any) -> None:
            raise StorageUnavailable("the ledger cannot be written", retry_after_s=1)

        monkeypatch.setattr(Database, "write", broken)
        refused(api.post(CHAT, json=chat("ok")), 503, "storage_unavailable")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", CHAT, 405), ("POST", "/v1/nothing", 404), ("PUT", "/v1/models", 405)],
)
def test_routes_that_are_not_there(
    strict: RunningGateway, fresh: Name, method: str, path: str, status: int
) -> None:
    with strict.api(strict.account(fresh())) as api:
        answer = api.request(method, path)
    refused(answer, status, "not_found" if status == 404 else "method_not_allowed")
