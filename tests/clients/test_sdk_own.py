"""What an account sees of itself through the SDK, against a real gateway: keys, pages, counts, both shells' methods."""

import asyncio
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import tollway
from tollway.admin import Admin, AsyncAdmin

from gateway.keys.store import change_key
from tests.fixtures.running import RunningGateway, eventually

Name = Callable[[], str]
M = "magistral-small-2509"


def ask(text: str) -> dict[str, Any]:
    return {"model": M, "messages": text, "prompt_mode": None, "max_tokens": 50}


def test_keys_from_their_making_to_their_end(gateway: RunningGateway, fresh: Name) -> None:
    with tollway.Tollway(gateway.account(fresh()), gateway.url) as client:
        [own] = client.keys.list()
        with pytest.raises(tollway.PermissionDenied, match="manages_keys"):
            client.keys.create("jobs")
        gateway.database.write_now(lambda conn: change_key(conn, own.id, {"manages_keys": True}))
        made = client.keys.create("jobs", cap_day_usd="0.000001")
        with tollway.Tollway(made.key, gateway.url) as jobs:
            with pytest.raises(tollway.KeyCapReached) as capped:
                jobs.chat.complete(**ask("ok " * 50))
            assert capped.value.needed is not None
            client.keys.change(made.id, cap_day_usd=None, name="unlimited jobs")
            assert jobs.chat.complete(**ask("ok")).cost.nanousd > 0
            turned = jobs.keys.rotate(made.id)
            with pytest.raises(tollway.AuthenticationFailed):
                jobs.credits.get()
        with tollway.Tollway(turned.key, gateway.url) as jobs:
            assert [key.name for key in jobs.keys.list()] == [own.name, "unlimited jobs"]
            assert client.keys.revoke(made.id).revoked_at is not None
            with pytest.raises(tollway.AuthenticationFailed):
                jobs.credits.get()


def test_requests_and_usage_in_pages(gateway: RunningGateway, fresh: Name) -> None:
    with tollway.Tollway(gateway.account(fresh()), gateway.url) as client:
        made = [client.chat.complete(**ask("ok")) for _ in range(5)]
        first = client.receipts.list(limit=2)
        assert (len(first), first.has_more) == (2, True)
        rest = client.receipts.list(limit=100, after=first.last_id)
        listed = [*first, *rest]
        assert [each.request_id for each in listed] == [answer.request_id for answer in reversed(made)]
        assert [each.cost for each in listed] == [answer.cost for answer in reversed(made)]
        assert [each.usage.output_tokens for each in listed] == [
            a.usage.completion_tokens for a in reversed(made)
        ]
        assert list(client.receipts.iterate(model=M)) == listed
        assert list(client.receipts.iterate(model="smollm2-135m")) == []
        [row] = client.usage.list("model", model=M, since=first.data[0].created_at[:10] + "T00:00:00Z")
        assert (row.model, row.requests, row.cost) == (M, 5, sum((a.cost for a in made), tollway.Money(0)))
        assert row.detail is None
        [row] = client.usage.list("model", model=M, detail=True)
        assert row.detail is not None
        assert row.detail.outcomes["completed"] == row.requests == 5
        assert sum((line.cost for line in row.detail.lines), row.detail.unsplit_cost) == row.cost
        lines = [line for answer in made for line in client.receipts.get(answer.request_id).lines]
        for line in row.detail.lines:
            assert line.cost.nanousd == sum(
                each.cost_nanousd for each in lines if each.token_class == line.token_class
            )
        with pytest.raises(tollway.BadRequest, match="since"):
            client.usage.list(since="yesterday")


def test_asyncio_sees_the_same(gateway: RunningGateway, fresh: Name) -> None:
    key = gateway.account(fresh())

    async def run() -> None:
        async with tollway.AsyncTollway(key, gateway.url) as client:
            answer = await client.chat.complete(**ask("ok"))
            assert [each.request_id async for each in client.receipts.iterate()] == [answer.request_id]
            assert (await client.models.get(M)).id == M
            counted = await client.tokenize(**ask("ok"))
            assert counted.prompt_tokens == (await client.estimate(**ask("ok"))).prompt_tokens
            assert len(await client.keys.list()) == 1

    asyncio.run(run())


def test_what_a_key_may(gateway: RunningGateway, fresh: Name) -> None:
    """Told by its maker, and by an operator; both shells."""
    name = fresh()
    gateway.account(name)
    end = datetime(2099, 1, 1, tzinfo=UTC)
    may: tollway.KeyMay = {"scopes": ["chat", "usage:read", "keys"], "models": [M], "expires_at": end}
    with Admin(gateway.operator(), gateway.url) as admin:
        boss = admin.keys.create(name, "boss", may=may)
        assert (boss.scopes, boss.models, boss.ips) == (("chat", "usage:read", "keys"), (M,), None)
        with tollway.Tollway(boss.key, gateway.url) as client:
            made = client.keys.create("less", may={"scopes": ["chat"], "ips": ["127.0.0.0/8"]})
            assert (made.scopes, made.models, made.expires_at) == (("chat",), (M,), boss.expires_at)
            with pytest.raises(tollway.PermissionDenied, match="gives no more"):
                client.keys.change(made.id, may={"models": None})
            turned = client.keys.rotate(made.id, overlap_s=60)
            assert turned.previous_until is not None
        for secret in (made.key, turned.key):
            with tollway.Tollway(secret, gateway.url) as client:
                assert client.chat.complete(**ask("ok")).cost.nanousd > 0
        assert admin.keys.change(made.id, may={"ips": None}).ips is None
        assert admin.keys.rotate(made.id, overlap_s=5).previous_until is not None

    async def run() -> None:
        async with tollway.AsyncTollway(boss.key, gateway.url) as client:
            made = await client.keys.create("later", may={"expires_at": "2098-01-01T00:00:00Z"})
            assert (await client.keys.change(made.id, may={"scopes": ["chat"]})).scopes == ("chat",)
            assert (await client.keys.rotate(made.id, overlap_s=9)).previous_until is not None
        async with AsyncAdmin(gateway.operator(), gateway.url) as admin:
            assert (await admin.keys.create(name, may={"models": [M]})).models == (M,)
            assert (await admin.keys.change(made.id, may={"expires_at": None})).expires_at is None
            assert (await admin.keys.rotate(made.id)).previous_until is None

    asyncio.run(run())


def test_alerts_from_their_making_to_their_end(gateway: RunningGateway, fresh: Name) -> None:
    name = fresh()
    plain = gateway.account(name)
    with gateway.api(gateway.operator()) as api:
        boss = api.post("/admin/v1/keys", json={"account": name, "name": "boss", "manages_keys": True}).json()
    with tollway.Tollway(boss["key"], gateway.url) as client, tollway.Tollway(plain, gateway.url) as reader:
        assert client.alerts.list() == []
        low = client.alerts.create("credit_below", "1000000")
        assert (low.amount, low.thresholds, low.fires) == (tollway.Money.from_usd("1000000"), (100,), False)
        days = client.alerts.create("credit_days", thresholds=[14, 7, 14])
        mine = client.alerts.create("anomaly", 5, thresholds=[250], key_id=boss["id"])
        assert (days.amount, days.thresholds, mine.key_id) == (None, (7, 14), boss["id"])
        eventually(
            lambda: [each.fires for each in reader.alerts.list()] == [True, False, False],
            "it is below",
            timeout_s=20,
        )
        with pytest.raises(tollway.PermissionDenied, match="no more"):
            reader.alerts.create("credit_days", thresholds=[3])
        with pytest.raises(tollway.PermissionDenied, match="no more"):
            reader.alerts.remove(days.id)
        for wrong, asked in (
            ("amount_usd", {"kind": "spent_today"}), ("amount_usd", {"kind": "credit_days", "amount_usd": 1, "thresholds": [1]}),
            ("thresholds", {"kind": "credit_days"}), ("thresholds", {"kind": "anomaly", "amount_usd": 1, "thresholds": [99]}),
            ("thresholds", {"kind": "spent_today", "amount_usd": 1, "thresholds": range(1, 12)}),
            ("key_id", {"kind": "credit_below", "amount_usd": 1, "key_id": boss["id"]}),
        ):  # fmt: skip
            with pytest.raises(tollway.BadRequest) as refused:
                client.alerts.create(**asked)  # type: ignore[arg-type]
            assert refused.value.param == wrong, asked
        with pytest.raises(tollway.NotFound):
            client.alerts.create("spent_today", 1, key_id="key_of_somebody_else")
        assert client.alerts.remove(days.id).id == days.id
        with pytest.raises(tollway.NotFound):
            client.alerts.remove(days.id)
        assert [each.id for each in client.alerts.list()] == [low.id, mine.id]
    with tollway.Tollway(gateway.account(fresh()), gateway.url) as stranger:
        assert stranger.alerts.list() == []

    async def run() -> None:
        async with tollway.AsyncTollway(boss["key"], gateway.url) as client:
            made = await client.alerts.create("spent_month", "500", thresholds=[50, 80])
            assert (await client.alerts.remove(made.id)).id == made.id
            assert made.id not in {each.id for each in await client.alerts.list()}

    asyncio.run(run())


RESOURCES = [
    "",
    "chat",
    "fim",
    "embeddings",
    "models",
    "credits",
    "receipts",
    "usage",
    "keys",
    "projects",
    "alerts",
]


@pytest.mark.parametrize("name", RESOURCES)
def test_both_shells_have_the_same_methods(name: str) -> None:
    def methods(client: Any) -> dict[str, str]:
        owner = getattr(client, name) if name else client
        found = inspect.getmembers(type(owner), inspect.isfunction)
        return {
            each: str(inspect.signature(method)).replace("Async", "").partition(" ->")[0]
            for each, method in found
            if not each.startswith("_")
        }

    blocking, waiting = methods(tollway.Tollway("tw_k")), methods(tollway.AsyncTollway("tw_k"))
    assert blocking == waiting
    assert blocking
