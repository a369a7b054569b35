"""What an account sees of itself: pages, keys, models; and counts and vectors."""

import array
import base64
import json
from typing import Any

import httpx
import pytest
import tollway
from tollway import Money

from tests.sdk.shells import Shell
from tests.sdk.test_client import MODEL, ROW

KEY = {"id": "key_1", "kind": "account", "account_id": "acc_1", "name": "jobs", "hint": "tw_a1…", "created_at": "",
       "revoked_at": None, "policy": None, "cap_day_usd": "2.000000000", "cap_month_usd": None, "cap_total_usd": None,
       "manages_keys": False, "new": 1}  # fmt: skip
ENTRY = {"request_id": "req_1", "created_at": "", "model": "m", "key_id": "k", "outcome": "completed",
         "usage": {"input_tokens": 3, "output_tokens": 2}, "cost_nanousd": 180, "cost_usd": "0.000000180"}  # fmt: skip


class Gateway:
    """Answers in turn, and remembers what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Any]] = []
        self.keys: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, request.url.raw_path.decode(), body))
        self.keys.append(request.headers.get("idempotency-key"))
        return httpx.Response(200, json=self.answers.pop(0), headers={"x-request-id": "req_9"})


def test_keys(shell: Shell) -> None:
    new = {**KEY, "key": "tw_secret"}
    gateway = Gateway({"data": [KEY]}, new, KEY, KEY, new)
    assert shell.ask(gateway, lambda client: client.keys.list())[0].cap_day_usd == "2.000000000"
    made = shell.ask(gateway, lambda client: client.keys.create("jobs", cap_day_usd=2))
    assert (made.key, made.id, made.manages_keys) == ("tw_secret", "key_1", False)
    shell.ask(gateway, lambda client: client.keys.change("key_1", name="new", cap_day_usd=None))
    shell.ask(gateway, lambda client: client.keys.revoke("key_1"))
    assert shell.ask(gateway, lambda client: client.keys.rotate("key/1")).key == "tw_secret"
    none = {"cap_month_usd": None, "cap_total_usd": None}
    assert gateway.asked == [
        ("GET", "/v1/keys", None),
        ("POST", "/v1/keys", {"name": "jobs", "project": None, "cap_day_usd": "2.000000000", **none}),
        ("PATCH", "/v1/keys/key_1", {"name": "new", "cap_day_usd": None}),
        ("DELETE", "/v1/keys/key_1", None),
        ("POST", "/v1/keys/key%2F1/rotate", {}),
    ]
    assert [bool(key) for key in gateway.keys] == [False, True, False, False, True], "every POST has one"


def test_projects(shell: Shell) -> None:
    project = {"id": "prj_1", "account_id": "acc_1", "name": "search", "created_at": "", "archived_at": None,
               "cap_day_usd": None, "cap_month_usd": "50.000000000", "cap_total_usd": None, "spent_day_usd": "0.000000001",
               "spent_month_usd": "1.500000000", "spent_total_usd": "2.000000000", "new": 1}  # fmt: skip
    gateway = Gateway(
        {"data": [project]}, project, project, {**KEY, "key": "tw_secret", "project_id": "prj_1"}, KEY
    )
    [listed] = shell.ask(gateway, lambda client: client.projects.list())
    assert (listed.spent_day, listed.spent_month, listed.spent_total) == (
        Money(1),
        Money.from_usd("1.5"),
        Money.from_usd(2),
    )
    shell.ask(gateway, lambda client: client.projects.create("search", cap_month_usd=50))
    shell.ask(gateway, lambda client: client.projects.change("prj_1", cap_day_usd=None, archived=True))
    assert (
        shell.ask(gateway, lambda client: client.keys.create("jobs", project="search")).project_id == "prj_1"
    )
    shell.ask(gateway, lambda client: client.keys.change("key_1", project=None))
    none = {"cap_day_usd": None, "cap_total_usd": None}
    assert gateway.asked == [
        ("GET", "/v1/projects", None),
        ("POST", "/v1/projects", {"name": "search", "cap_month_usd": "50.000000000", **none}),
        ("PATCH", "/v1/projects/prj_1", {"archived": True, "cap_day_usd": None}),
        ("POST", "/v1/keys", {"name": "jobs", "project": "search", "cap_month_usd": None, **none}),
        ("PATCH", "/v1/keys/key_1", {"project": None}),
    ]


def test_a_key_that_may_have_been_made_is_not_made_again(shell: Shell, pauses: list[float]) -> None:
    def gateway(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    with pytest.raises(tollway.APIConnectionError):
        shell.ask(gateway, lambda client: client.keys.create("jobs"))
    assert pauses == []


def test_receipts_come_in_pages(shell: Shell) -> None:
    first = {"data": [ENTRY], "has_more": True, "last_id": "req_1"}
    last = {"data": [{**ENTRY, "request_id": "req_0"}], "has_more": False, "last_id": "req_0"}
    gateway = Gateway(first, first, last)
    page = shell.ask(gateway, lambda client: client.receipts.list(limit=1, model="m"))
    assert (len(page), page.has_more, [each.cost for each in page]) == (1, True, [Money(180)])

    def everything(client: Any) -> Any:
        pages = client.receipts.iterate(since="2026-11-01T00:00:00Z")
        if shell.kind == "sync":
            return [each.request_id for each in pages]

        async def coroutine() -> list[str]:
            return [each.request_id async for each in pages]

        return coroutine()

    assert shell.ask(gateway, everything) == ["req_1", "req_0"]
    since = "since=2026-11-01T00%3A00%3A00Z"
    assert [where for _, where, _ in gateway.asked] == [
        "/v1/receipts?model=m&limit=1",
        f"/v1/receipts?{since}&limit=100",
        f"/v1/receipts?{since}&limit=100&after=req_1",
    ]


def test_usage_is_filtered_and_one_model_is_looked_at(shell: Shell) -> None:
    gateway = Gateway({"data": [ROW]}, MODEL)
    rows = shell.ask(
        gateway, lambda client: client.usage.list("day", model="m", key_id="k", limit=3, after="2026-10-31")
    )
    assert (rows.has_more, rows.data[0].day) == (False, "2026-11-01")
    assert shell.ask(gateway, lambda client: client.models.get("org/m")).id == "m"
    assert [where for _, where, _ in gateway.asked] == [
        "/v1/usage?group_by=day&model=m&key_id=k&limit=3&after=2026-10-31",
        "/v1/models/org%2Fm",
    ]


USAGE = {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3, "cost_nanousd": 60}


def test_vectors(shell: Shell) -> None:
    packed = base64.b64encode(array.array("f", [0.5, -1.5]).tobytes()).decode()
    data = [{"index": 1, "embedding": [1.0, 2.0]}, {"index": 0, "embedding": packed}]
    gateway = Gateway({"object": "list", "model": "m", "data": data, "usage": USAGE})
    answer = shell.ask(
        gateway, lambda client: client.embeddings.create(model="m", input=["a", "b"], dimensions=2)
    )
    assert (answer.vectors, answer.cost, answer.request_id) == (((0.5, -1.5), (1.0, 2.0)), Money(60), "req_9")
    sent = {"encoding_format": "base64", "model": "m", "input": ["a", "b"], "dimensions": 2}
    assert gateway.asked == [("POST", "/v1/embeddings", sent)]


@pytest.mark.parametrize("packed", ["***", "AAA=", None])
def test_vectors_that_are_none_are_not_believed(shell: Shell, packed: Any) -> None:
    gateway = Gateway({"model": "m", "data": [{"index": 0, "embedding": packed}], "usage": USAGE})
    with pytest.raises(tollway.APIConnectionError, match="base_url"):
        shell.ask(gateway, lambda client: client.embeddings.create(model="m", input="a"))


def test_the_middle_is_filled_in(shell: Shell) -> None:
    answer = {"id": "c", "model": "m", "usage": USAGE,
              "choices": [{"message": {"content": "x = 1"}, "finish_reason": "stop"}]}  # fmt: skip
    gateway = Gateway(answer)
    filled = shell.ask(
        gateway, lambda client: client.fim.complete(model="m", prompt="a", suffix="b", max_tokens=5)
    )
    assert (filled.text, filled.cost) == ("x = 1", Money(60))
    assert gateway.asked == [
        ("POST", "/v1/fim/completions", {"model": "m", "prompt": "a", "suffix": "b", "max_tokens": 5})
    ]


def test_counts_and_prices_beforehand(shell: Shell) -> None:
    counted = {
        "object": "tokenize",
        "prompt_tokens": 9,
        "text_tokens": 9,
        "image_tokens": 0,
        "tokens": [1, 2],
        "new": 1,
    }
    priced = {"object": "estimate", "model": "m", "prompt_tokens": 9, "max_tokens": 5, "cost_max_nanousd": 480,
              "cost_likely_nanousd": None, "available_nanousd": 7, "affordable": False, "affordable_max_tokens": 0,
              "tiers": {"input_text": {"tokens_this_month": 3, "discount_percent": 10, "up_to_tokens": None}}}  # fmt: skip
    gateway = Gateway(counted, priced)
    tokens = shell.ask(
        gateway, lambda client: client.tokenize(model="m", messages="Hello", return_tokens=True)
    )
    assert (tokens.prompt_tokens, tokens.tokens) == (9, (1, 2))
    estimate = shell.ask(gateway, lambda client: client.estimate(model="m", prompt="def f(", max_tokens=5))
    assert (estimate.cost_max, estimate.cost_likely, estimate.available) == (Money(480), None, Money(7))
    assert (estimate.affordable, estimate.tiers["input_text"].discount_percent) == (False, 10)
    hello = [{"role": "user", "content": "Hello"}]
    assert gateway.asked == [
        ("POST", "/v1/tokenize", {"model": "m", "messages": hello, "return_tokens": True}),
        ("POST", "/v1/estimate", {"model": "m", "prompt": "def f(", "max_tokens": 5}),
    ]
