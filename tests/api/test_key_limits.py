"""What a key may, through a real gateway: each refusal, and what a managing key may give."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.kit.clock import SECOND_US, from_rfc3339, now_us, rfc3339
from tests.fixtures.running import RunningGateway, chat, eventually
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]
MODEL = "magistral-small-2509"
OTHER = "smollm2-135m"


class Desk:
    """An operator who makes keys of one account, and asks with them."""

    def __init__(self, gateway: RunningGateway, name: str) -> None:
        self.gateway, self.name = gateway, name
        gateway.account(name)
        self.admin = gateway.api(gateway.operator())

    def make(self, **fields: Any) -> dict[str, Any]:
        answer = self.admin.post("/admin/v1/keys", json={"account": self.name, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def client(self, **fields: Any) -> httpx.Client:
        return self.gateway.api(self.make(**fields)["key"])

    def refused(self, **fields: Any) -> dict[str, Any]:
        answer = self.admin.post("/admin/v1/keys", json={"account": self.name, **fields})
        assert answer.status_code == 400, answer.text
        return answer.json()  # type: ignore[no-any-return]


@pytest.fixture
def desk(gateway: RunningGateway, fresh: Name) -> Iterator[Desk]:
    opened = Desk(gateway, fresh())
    yield opened
    opened.admin.close()


def ask(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/v1/chat/completions", json=chat("ok", **fields))


def soon(seconds: float) -> str:
    return rfc3339(now_us() + int(seconds * SECOND_US))


def test_a_new_key_may_everything_but_manage_keys(desk: Desk) -> None:
    made = desk.make()
    assert made["scopes"] == ["chat", "fim", "embeddings", "usage:read"]
    unlimited = ("models", "ips", "expires_at", "previous_until", "last_used_at")
    assert {name: made[name] for name in unlimited} == dict.fromkeys(unlimited)
    assert desk.make(manages_keys=True)["scopes"][-1] == "keys"


def test_a_key_ends_when_it_says(desk: Desk) -> None:
    made = desk.make(expires_at=soon(1.0))
    with desk.gateway.api(made["key"]) as client:
        assert ask(client).status_code == 200
        eventually(lambda: ask(client).status_code == 401, "the key has ended", 3)
        over = ask(client)
        assert now_us() >= from_rfc3339(made["expires_at"])
    assert over.json()["code"] == "api_key_expired"
    assert made["expires_at"] in over.json()["message"]
    desk.admin.patch(f"/admin/v1/keys/{made['id']}", json={"expires_at": soon(60)})
    with desk.gateway.api(made["key"]) as client:
        assert ask(client).status_code == 200, "it was given more time"
    assert "is over" in desk.refused(expires_at=soon(-1))["message"]
    assert desk.refused(expires_at="tomorrow")["param"] == "expires_at"


SCOPED: dict[str, list[tuple[str, str]]] = {
    "chat": [("POST", "/v1/chat/completions"), ("POST", "/mistral/v1/chat/completions")],
    "fim": [("POST", "/v1/fim/completions")],
    "embeddings": [("POST", "/v1/embeddings")],
    "usage:read": [("GET", f"/v1/{path}") for path in
                   ("credits", "usage", "receipts", "receipts/req_x", "statements/2026-01", "keys")],
    "keys": [("GET", "/v1/keys"), ("POST", "/v1/keys"), ("PATCH", "/v1/keys/key_x"), ("DELETE", "/v1/keys/key_x")],
}  # fmt: skip


def test_a_scope_opens_its_own_and_nothing_else(desk: Desk) -> None:
    for scope, own in SCOPED.items():
        with desk.client(scopes=[scope]) as client:
            for path in (path for paths in SCOPED.values() for path in paths):
                answer = client.request(*path, json={})
                missing = answer.status_code == 403 and answer.json()["code"] in {
                    "scope_missing",
                    "not_allowed",
                }
                assert missing != (path in own), (scope, path, answer.text)
            tokenizes = client.post("/v1/tokenize", json=chat("ok")).status_code
            assert tokenizes == (200 if scope in {"chat", "fim", "embeddings"} else 403)
            assert client.get("/v1/models").status_code == 200
    with desk.client(scopes=["fim"]) as client:
        assert "needs a key with the scope `chat`, and this one has `fim`" in ask(client).json()["message"]


def test_scopes_are_changed_as_a_whole(desk: Desk) -> None:
    made = desk.make(scopes=["chat", "keys"])
    assert (made["scopes"], made["manages_keys"]) == (["chat", "keys"], True)
    path = f"/admin/v1/keys/{made['id']}"
    assert desk.admin.patch(path, json={"scopes": ["fim", "chat"]}).json()["scopes"] == ["chat", "fim"]
    only_keys = desk.admin.patch(path, json={"scopes": ["keys"]}).json()
    assert (only_keys["scopes"], only_keys["manages_keys"]) == (["keys"], True)
    useless = desk.admin.patch(path, json={"manages_keys": False})
    assert (useless.status_code, useless.json()["param"]) == (400, "scopes")
    assert desk.refused(scopes=[])["param"] == "scopes"
    desk.refused(scopes=["everything"])
    free = desk.admin.patch(path, json={"scopes": None}).json()
    assert free["scopes"] == ["chat", "fim", "embeddings", "usage:read", "keys"]


def test_a_key_uses_the_models_that_it_may(desk: Desk) -> None:
    with desk.client(models=["magistral-small-latest"]) as client, desk.client(models=[OTHER]) as other:
        assert ask(client).status_code == 200, "an alias means the model"
        assert [model["id"] for model in client.get("/v1/models").json()["data"]] == [MODEL]
        assert other.get("/v1/models").json()["data"] == []
        answers = (
            ask(other),
            ask(other, model="magistral-small-latest", stream=True),
            other.get(f"/v1/models/{MODEL}"),
            other.post("/v1/tokenize", json=chat("ok")),
            other.post("/v1/estimate", json=chat("ok")),
        )
        for answer in answers:
            assert answer.status_code == 403, answer.text
            assert answer.json()["code"] == "model_not_allowed"
            assert f"may not use '{MODEL}', only `{OTHER}`" in answer.json()["message"]
        assert ask(other, model="no-such").status_code == 404
    assert "there is no model 'gpt-4'; there are:" in desk.refused(models=["gpt-4"])["message"]
    assert desk.refused(models=[])["param"] == "models"


def test_no_earlier_answer_for_a_key_that_could_not_ask(desk: Desk) -> None:
    once = {"idempotency-key": "the-same"}
    with desk.client() as free, desk.client(models=[OTHER]) as other:
        assert free.post("/v1/chat/completions", json=chat("ok"), headers=once).status_code == 200
        again = free.post("/v1/chat/completions", json=chat("ok"), headers=once)
        assert again.headers["idempotent-replayed"] == "true"
        assert other.post("/v1/chat/completions", json=chat("ok"), headers=once).status_code == 403


def test_a_key_is_used_from_where_it_may(desk: Desk) -> None:
    with desk.client(ips=["127.0.0.0/8", "::1"]) as here, desk.client(ips=["203.0.113.0/24"]) as there:
        assert ask(here).status_code == 200
        lie = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9", "x-real-ip": "203.0.113.9"}
        for headers in ({}, lie):
            refused = there.post("/v1/chat/completions", json=chat("ok"), headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "address_not_allowed")
            assert "127.0.0.1" in refused.json()["message"]
            assert "203.0.113.0" not in refused.text
    assert "within the network 10.0.0.0/8" in desk.refused(ips=["10.1.0.0/8"])["message"]


def test_a_proxy_is_believed_when_it_is_trusted(worker: ScriptedWorker, tmp_path: Path) -> None:
    with RunningGateway(tmp_path, worker.url, trusted_proxies=("127.0.0.1", "10.0.0.0/8")) as gateway:
        desk = Desk(gateway, "behind")
        with desk.client(ips=["203.0.113.0/24"]) as client:

            def status(*said: str) -> int:
                headers = [("x-forwarded-for", each) for each in said]
                return client.post("/v1/chat/completions", json=chat("ok"), headers=headers).status_code

            assert status("203.0.113.9") == 200
            assert status("203.0.113.9, 10.0.0.7") == 200, "a second proxy of ours"
            assert status("203.0.113.9:4711") == 200
            assert status() == 403, "the proxy itself"
            assert status("203.0.113.9, 198.51.100.1") == 403, "what a client claims comes first"
            assert status("203.0.113.9", "198.51.100.1") == 403, "and so it does in two headers"
            assert status("nonsense") == status("") == 403
        desk.admin.close()


def test_a_rotated_keys_old_secret_goes_on_for_the_time_that_was_chosen(desk: Desk) -> None:
    made = desk.make()
    path = f"/admin/v1/keys/{made['id']}/rotate"
    turned = desk.admin.post(path, params={"overlap_s": 1}).json()
    assert turned["previous_until"] is not None
    with desk.gateway.api(made["key"]) as old, desk.gateway.api(turned["key"]) as new:
        assert ask(old).status_code == ask(new).status_code == 200
        assert {each["key_id"] for each in new.get("/v1/receipts").json()["data"]} == {made["id"]}
        eventually(lambda: ask(old).status_code == 401, "the overlap is over", 3)
        assert ask(old).json()["code"] == "api_key_rotated"
        assert turned["previous_until"] in ask(old).json()["message"]
        assert ask(new).status_code == 200


def test_revoking_ends_both_secrets_and_a_third_the_first(desk: Desk) -> None:
    first = desk.make()
    path = f"/admin/v1/keys/{first['id']}"
    second = desk.admin.post(f"{path}/rotate", params={"overlap_s": 600}).json()["key"]
    third = desk.admin.post(f"{path}/rotate", params={"overlap_s": 600}).json()["key"]
    clients = [desk.gateway.api(secret) for secret in (first["key"], second, third)]
    assert [ask(client).status_code for client in clients] == [401, 200, 200]
    assert desk.admin.delete(path).status_code == 200
    assert [ask(client).status_code for client in clients] == [401, 401, 401]
    for client in clients:
        client.close()


@pytest.mark.parametrize("overlap_s", [-1, 604_801, "long"])
def test_an_overlap_is_a_week_at_most(desk: Desk, overlap_s: Any) -> None:
    path = f"/admin/v1/keys/{desk.make()['id']}/rotate"
    refused = desk.admin.post(path, params={"overlap_s": overlap_s})
    assert (refused.status_code, refused.json()["param"]) == (400, "overlap_s")


def test_an_operators_key_ends_too(gateway: RunningGateway) -> None:
    with gateway.api(gateway.operator()) as admin:
        [*_, key] = [
            each for each in admin.get("/admin/v1/keys").json()["data"] if each["kind"] == "operator"
        ]
        path = f"/admin/v1/keys/{key['id']}"
        for body in ({"scopes": ["chat"]}, {"models": [MODEL]}):
            assert admin.patch(path, json=body).status_code == 400
        assert admin.patch(path, json={"ips": ["203.0.113.1"]}).status_code == 200
        assert admin.get("/admin/v1/keys").json()["code"] == "address_not_allowed"


def test_a_manager_gives_no_more_than_it_may(desk: Desk) -> None:
    end = soon(600)
    limits = {
        "scopes": ["chat", "usage:read", "keys"],
        "models": [MODEL],
        "ips": ["127.0.0.0/8"],
        "expires_at": end,
    }
    boss = desk.make(name="boss", **limits)
    wide = desk.make(name="wide")
    with desk.gateway.api(boss["key"]) as manager:
        heir = manager.post("/v1/keys", json={"name": "heir"}).json()
        assert (heir["scopes"], heir["models"], heir["ips"], heir["expires_at"]) == (
            ["chat", "usage:read"], [MODEL], ["127.0.0.0/8"], end,
        )  # fmt: skip
        less = {"scopes": ["chat"], "ips": ["127.0.0.1"], "expires_at": soon(300)}
        assert manager.post("/v1/keys", json=less).json()["ips"] == ["127.0.0.1/32"]
        more: list[dict[str, Any]] = [
            {"scopes": ["chat", "fim"]}, {"scopes": None}, {"models": [MODEL, OTHER]}, {"models": None},
            {"ips": ["127.0.0.0/7"]} , {"ips": ["::1"]}, {"ips": None}, {"expires_at": soon(700)}, {"expires_at": None},
        ]  # fmt: skip
        more[4] = {"ips": ["126.0.0.0/7"]}
        for body in more:
            for answer in (
                manager.post("/v1/keys", json=body),
                manager.patch(f"/v1/keys/{heir['id']}", json=body),
                manager.patch(f"/v1/keys/{boss['id']}", json=body),
            ):
                assert (answer.status_code, answer.json()["param"]) == (403, next(iter(body))), (
                    body,
                    answer.text,
                )
        for answer in (
            manager.post("/v1/keys", json={"scopes": ["chat", "keys"]}),
            manager.patch(f"/v1/keys/{heir['id']}", json={"scopes": ["chat", "keys"]}),
        ):
            assert "made by an operator" in answer.json()["message"]
        stolen = manager.post(f"/v1/keys/{wide['id']}/rotate")
        assert stolen.status_code == 403, "the secret of a key that may more"
        assert manager.post(f"/v1/keys/{heir['id']}/rotate", params={"overlap_s": 9}).status_code == 200
        assert manager.patch(f"/v1/keys/{wide['id']}", json={"name": "renamed"}).status_code == 200


def test_when_a_key_was_last_used(desk: Desk) -> None:
    made = desk.make()
    begun = now_us()
    with desk.gateway.api(made["key"]) as client:
        ask(client)

        def used() -> str | None:
            [key] = [each for each in client.get("/v1/keys").json()["data"] if each["id"] == made["id"]]
            return key["last_used_at"]  # type: ignore[no-any-return]

        eventually(lambda: used() is not None, "the use is known")
        first = from_rfc3339(used() or "")
        assert begun <= first <= now_us()
        ask(client)
        eventually(lambda: from_rfc3339(used() or "") > first, "and the next one")
