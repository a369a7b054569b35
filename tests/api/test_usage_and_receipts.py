"""Lists of usage and receipts over HTTP: for customers their own, for operators everybody's; and the audit."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gateway.rollups.store import list_behind
from tests.fixtures.running import RunningGateway, chat, eventually

Name = Callable[[], str]
MODEL = "magistral-small-2509"


class Spent:
    """An account whose two keys sent three requests, one of them streamed."""

    def __init__(self, gateway: RunningGateway, name: str) -> None:
        self.name = name
        self.api = gateway.api(gateway.account(name))
        self.admin = gateway.api(gateway.operator())
        second = self.admin.post("/admin/v1/keys", json={"account": name, "name": "second"}).json()
        self.second, self.account_id = second["id"], second["account_id"]
        with gateway.api(second["key"]) as other:
            clients = (self.api, other, self.api)
            self.sent = [self._send(client, stream=client is other) for client in clients]

    def _send(self, client: httpx.Client, *, stream: bool) -> str:
        answer = client.post("/v1/chat/completions", json=chat("ok", stream=stream))
        assert answer.status_code == 200
        return answer.headers["x-request-id"]

    def get(self, path: str, **params: Any) -> Any:
        answer = self.api.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def spent(gateway: RunningGateway, fresh: Name) -> Iterator[Spent]:
    opened = Spent(gateway, fresh())
    yield opened
    opened.api.close()
    opened.admin.close()


def test_receipts_newest_first(spent: Spent) -> None:
    listed = spent.get("/v1/receipts")
    assert [row["request_id"] for row in listed["data"]] == spent.sent[::-1]
    assert (listed["has_more"], listed["last_id"], listed["object"]) == (False, spent.sent[0], "list")
    for row in listed["data"]:
        whole = spent.get(f"/v1/receipts/{row['request_id']}")
        assert row == {name: whole[name] for name in row}
        assert row["streamed"] == (row["request_id"] == spent.sent[1])
    assert set(row) == {
        "request_id", "created_at", "model", "key_id", "project_id", "outcome", "streamed", "estimated", "usage",
        "cost_nanousd", "cost_usd",
    }  # fmt: skip


def test_receipts_page_by_page(spent: Spent) -> None:
    first = spent.get("/v1/receipts", limit=2)
    assert first["has_more"]
    second = spent.get("/v1/receipts", limit=2, after=first["last_id"])
    assert not second["has_more"]
    assert [row["request_id"] for row in first["data"] + second["data"]] == spent.sent[::-1]
    end = spent.get("/v1/receipts", after=second["last_id"])
    assert (end["data"], end["has_more"], end["last_id"]) == ([], False, None)


def test_receipts_narrowed(spent: Spent) -> None:
    (row,) = spent.get("/v1/receipts", key_id=spent.second)["data"]
    assert row["request_id"] == spent.sent[1]
    assert len(spent.get("/v1/receipts", model="magistral-small-latest")["data"]) == 3
    assert len(spent.get("/v1/receipts", since=row["created_at"])["data"]) == 2
    assert spent.get("/v1/receipts", until="2020-01-01T00:00:00Z")["data"] == []
    for nobody in ({"model": "gpt-9"}, {"key_id": "key_none"}):
        assert spent.get("/v1/receipts", **nobody)["data"] == []


def test_usage_narrowed_and_in_pieces(spent: Spent) -> None:
    (second,) = spent.get("/v1/usage", key_id=spent.second)["data"]
    assert (second["requests"], second["key_name"]) == (1, "second")
    (model,) = spent.get("/v1/usage", group_by="model", model="magistral-small-latest")["data"]
    assert (model["model"], model["requests"]) == (MODEL, 3)
    first = spent.get("/v1/usage", limit=1)
    assert first["has_more"]
    rest = spent.get("/v1/usage", limit=1, after=first["last_id"])
    assert not rest["has_more"]
    assert first["data"] + rest["data"] == spent.get("/v1/usage")["data"]
    (today,) = spent.get("/v1/usage", group_by="day")["data"]
    assert spent.get("/v1/usage", group_by="day", after=today["group"])["data"] == []


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/usage", {"limit": 0}),
        ("/v1/usage", {"limit": 1001}),
        ("/v1/usage", {"limit": "all"}),
        ("/v1/usage", {"group_by": "account"}),
        ("/v1/usage", {"group_by": "day", "after": "2026-11-23"}),
        ("/v1/receipts", {"limit": 0}),
        ("/v1/receipts", {"limit": 101}),
        ("/v1/receipts", {"since": "yesterday"}),
        ("/v1/receipts", {"until": "2026-11-23T00:00:00"}),
        ("/v1/receipts", {"after": "req_0"}),
        ("/admin/v1/usage", {"group_by": "mood"}),
        ("/admin/v1/usage", {"limit": -1}),
    ],
)
def test_mistakes_are_explained(spent: Spent, path: str, params: dict[str, Any]) -> None:
    refused = (spent.admin if path.startswith("/admin") else spent.api).get(path, params=params)
    assert refused.status_code == 400, refused.text
    assert len(refused.json()["message"]) > 10
    assert refused.json()["param"] in params


def test_another_accounts_cursor_is_none(gateway: RunningGateway, spent: Spent, fresh: Name) -> None:
    with gateway.api(gateway.account(fresh())) as stranger:
        assert stranger.get("/v1/receipts").json()["data"] == []
        refused = stranger.get("/v1/receipts", params={"after": spent.sent[0]})
        assert refused.status_code == 400


def test_an_operator_sees_everybodys_usage(spent: Spent) -> None:
    usage = lambda **params: spent.admin.get("/admin/v1/usage", params=params).json()  # noqa: E731
    mine = [row for row in usage()["data"] if row["account_id"] == spent.account_id]
    assert [(row["account_name"], row["requests"]) for row in mine] == [(spent.name, 3)]
    keys = usage(account=spent.name, group_by="key")
    assert keys["data"] == spent.get("/v1/usage")["data"]
    assert usage(account=spent.account_id, group_by="model")["data"][0]["requests"] == 3
    assert usage(key_id=spent.second)["data"][0]["requests"] == 1
    assert len(usage(group_by="day", account=spent.name)["data"]) == 1
    assert usage(limit=1)["last_id"] == usage()["data"][0]["account_id"]
    unknown = spent.admin.get("/admin/v1/usage", params={"account": "nobody"})
    assert unknown.status_code == 404


def test_an_operator_reads_any_receipt(spent: Spent) -> None:
    theirs = spent.admin.get(f"/admin/v1/receipts/{spent.sent[0]}").json()
    assert theirs == {**spent.get(f"/v1/receipts/{spent.sent[0]}"), "account_id": spent.account_id}
    assert spent.admin.get("/admin/v1/receipts/req_0").status_code == 404


def test_the_audit(gateway: RunningGateway, spent: Spent) -> None:
    report = spent.admin.get("/admin/v1/audit").json()
    assert (report["object"], report["ok"], report["differences"]) == ("audit", True, [])
    assert report["accounts"] >= 1
    assert report["events"] >= 3
    # or the sums' job might sum what is changed below
    eventually(lambda: not gateway.database.read_now(lambda conn: list_behind(conn, 1)), "all is summed")
    worse = "UPDATE usage_events SET output_tokens = output_tokens {} 1 WHERE request_id = :id"
    for sign in "+-":
        gateway.database.write_now(
            lambda conn, sign=sign: conn.execute(text(worse.format(sign)), {"id": spent.sent[2]})
        )
        report = spent.admin.get("/admin/v1/audit").json()
        found = [(each["account"], each["where"]) for each in report["differences"]]
        assert report["ok"] == (sign == "-")
        assert ((spent.name, spent.sent[2]) in found) == (sign == "+")


def test_one_audit_at_a_time(gateway: RunningGateway, spent: Spent, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    began, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        began.set()
        assert go_on.wait(10)
        raise RuntimeError("enough")

    monkeypatch.setattr("gateway.api.audit.audit_all", slow)
    first = threading.Thread(target=lambda: spent.admin.get("/admin/v1/audit"))
    first.start()
    assert began.wait(10)
    with gateway.api(gateway.operator()) as another:
        refused = another.get("/admin/v1/audit")
        go_on.set()
        first.join()
        assert refused.status_code == 409
        monkeypatch.undo()
        assert another.get("/admin/v1/audit").json()["ok"]
