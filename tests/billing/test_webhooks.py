"""Webhooks from whoever sends them: unsigned, stale, altered, at two processes at once.  Nothing is credited that was not paid, nothing twice."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gateway.accounts.store import find_account
from gateway.billing import handle, inbox, store
from gateway.billing.border import WEBHOOK_PATH, Border, is_live
from gateway.billing.customers import customer_of
from gateway.billing.stripe_api import StripeApi
from gateway.billing.top_up import order_top_up
from gateway.billing.types import News
from gateway.errors import BadRequest, NotSetUp
from gateway.kit.db import Database
from tests.billing.telling import event, outcomes, told
from tests.billing.world import CENT, USD, World
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.running import RunningGateway, eventually
from tests.fixtures.stripe import FakeStripe
from tests.fixtures.stripe.webhooks import signature

DAY_S = 86_400
Message = tuple[bytes, str]


def signed(body: bytes, secret: str, at: float | None = None) -> Message:
    return body, signature(body, secret, int(time.time() if at is None else at))


# -- who sent it ----------------------------------------------------------------------------------------------


def _attacks(secret: str) -> dict[str, tuple[tuple[bytes, str | None], str]]:
    """Each with the code that refuses it."""
    body = json.dumps(event("checkout.session.completed", "cs_1")).encode()
    now, (_, good) = time.time(), signed(body, secret)
    live = json.dumps(event("checkout.session.completed", "cs_1", livemode=True)).encode()
    nothing = json.dumps(event("checkout.session.completed", "cs_1", data={})).encode()
    endless = json.dumps(event("checkout.session.completed", "c" * 300)).encode()
    stamp = good.split(",")[0]
    invalid = "signature_invalid"
    return {
        "no signature": ((body, None), invalid),
        "empty": ((body, ""), invalid),
        "no header at all, in words": ((body, "hello, v1"), invalid),
        "no time": ((body, good.split(",")[1]), invalid),
        "no signature in it": ((body, stamp), invalid),
        "an older scheme": ((body, good.replace("v1=", "v0=")), invalid),
        "a time that is none": ((body, good.replace("t=", "t=x")), invalid),
        "wrong secret": (signed(body, "whsec_other"), invalid),
        "no secret": (signed(body, ""), invalid),
        "old": (signed(body, secret, now - 301), invalid),
        "to come": (signed(body, secret, now + DAY_S), invalid),
        "another time on it": ((body, good.replace(stamp, f"t={int(now) + 1}")), invalid),
        "altered": ((body.replace(b"cs_1", b"cs_2"), good), invalid),
        "longer": ((body + b" ", good), invalid),
        "no UTF-8": ((b"\xff\xfe{}", good), invalid),
        "no JSON": (signed(b"hello", secret), "event_invalid"),
        "no object": (signed(b"[]", secret), "event_invalid"),
        "about nothing": (signed(nothing, secret), "event_invalid"),
        "about something endless": (signed(endless, secret), "event_invalid"),
        "of the other mode": (signed(live, secret), "wrong_mode"),
    }


ATTACKS = sorted(_attacks("whsec"))


def test_live_refuses_test() -> None:
    """And says so the right way round."""
    assert is_live("sk_live_1") and is_live("rk_live_1") and not is_live("sk_test_live_1")


def test_without_a_secret_nobody_is_believed(world: World) -> None:
    border = msgspec.structs.replace(world.border, webhook_secrets=())
    with pytest.raises(NotSetUp, match="stripe_webhook_secret"):
        world.do(inbox.accept(border, *signed(b"{}", "")))


def test_two_secrets_while_it_is_changed(world: World) -> None:
    new, old = "whsec_new", world.stripe.webhook_secret
    border = msgspec.structs.replace(world.border, webhook_secrets=(new, old))
    for number, secret in enumerate((new, old)):
        body = json.dumps(event("checkout.session.expired", f"cs_{number}")).encode()
        assert world.do(inbox.accept(border, *signed(body, secret)))
    body = json.dumps(event("checkout.session.expired", "cs_3")).encode()
    with pytest.raises(BadRequest):
        world.do(inbox.accept(border, *signed(body, "whsec_older")))


def test_what_nobody_asked_for_is_not_kept(world: World) -> None:
    body = json.dumps(event("customer.discount.created", "di_1")).encode()
    assert world.do(inbox.accept(world.border, *signed(body, world.stripe.webhook_secret))) is False
    assert outcomes(world) == {}


# -- who is told ----------------------------------------------------------------------------------------------


def test_at_two_processes_at_once(world: World) -> None:
    """Each sees all the news at the same moment; all is booked once."""
    others = [Database(world.database.url) for _ in range(2)]
    apis = [StripeApi(world.stripe.key, url=world.stripe.url, timeout_s=5.0) for _ in others]
    borders = [
        msgspec.structs.replace(world.border, database=database, api=api)
        for database, api in zip(others, apis, strict=True)
    ]
    owner = world.account()
    intents = [world.top_up(owner, 20) for _ in range(2)]
    session = world.order(owner, 20)
    world.stripe.complete(session)
    for intent in intents:
        world.do(world.api.v1.refunds.create_async({"payment_intent": intent, "amount": 700}))
    messages = [world.stripe.signed(each, at=int(time.time())) for each in world.stripe.pending()]

    async def all_at_once() -> list[bool]:
        taken = await asyncio.gather(
            *(inbox.accept(border, *each) for each in messages for border in borders)
        )
        found = await world.database.read(lambda conn: store.list_news(conn, 100, open_only=True))
        await asyncio.gather(
            *(handle.HANDLERS[news.type](border, news.object_id) for news in found for border in borders)
        )
        return taken

    try:
        taken = world.do(all_at_once())
        assert sum(taken) * 2 <= len(taken)
        world.settle()
        assert world.left(owner) == (60 - 14) * USD
        world.check()
    finally:
        for border in borders:
            world.do(border.api.close())
            border.database.close()


def test_killed_between_keeping_and_handling(world: World) -> None:
    """Stripe was told 200 and tells nothing again; whoever looks next finds the row."""
    owner = world.account()
    world.stripe.complete(world.order(owner, 20))
    world.take(*world.stripe.pending())
    now = world.books.now
    lost = world.database.write_now(lambda conn: store.claim_news(conn, now, now + inbox.CLAIM_US, 20))
    assert len(lost) > 1
    assert world.do(inbox.step(world.border)) == 0, "whoever claimed it may be alive"
    world.later(seconds=inbox.CLAIM_US // 10**6 + 1)
    assert world.do(inbox.step(world.border)) == len(lost)
    assert world.left(owner) == 20 * USD
    world.settle()
    world.check()


def test_ones_bug_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays open, says why, is tried again, and reconciling names it."""
    owner = world.account()

    async def broken(border: Any, name: str) -> str:
        raise ZeroDivisionError("nobody thought of that")

    with monkeypatch.context() as patched:
        patched.setitem(handle.HANDLERS, "payment_method.detached", broken)
        told(world, event("payment_method.detached", "pm_1"))
        assert "nobody thought of that" in str(outcomes(world)["payment_method.detached pm_1"])
        world.top_up(owner, 20)
        assert world.left(owner) == 20 * USD
        world.later(hours=2)
        (difference,) = world.report().differences
        assert (difference.about, difference.name) == ("inbox", "evt_payment_method.detached_pm_1")
    world.settle()
    assert outcomes(world)["payment_method.detached pm_1"] == "forgotten"


def test_stripe_away_or_key_refused_loses_nothing(world: World) -> None:
    owner = world.account()
    world.stripe.complete(world.order(owner, 20))
    for fault in ({"status": 503}, {"status": 401}, {"status": 403}, {"cut": True}):
        world.stripe.fail("GET *", times=None, **fault)
        world.settle(2)
        assert world.left(owner) == 0
        world.stripe.heal()
        world.later(hours=1)
    world.settle()
    assert world.left(owner) == 20 * USD
    world.check()


# -- over HTTP ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stripe() -> Iterator[FakeStripe]:
    with FakeStripe() as fake:
        yield fake


@pytest.fixture(scope="module")
def listening(stripe: FakeStripe, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    options = {
        "stripe_api_key": stripe.key,
        "stripe_url": stripe.url,
        "stripe_webhook_secret": stripe.webhook_secret,
    }
    with RunningGateway(
        tmp_path_factory.mktemp("data"), public_url="https://gateway.test", **options
    ) as running:
        yield running


def post(gateway: RunningGateway, body: bytes, header: str | None) -> httpx.Response:
    headers = {} if header is None else {"stripe-signature": header}
    return httpx.post(gateway.url + WEBHOOK_PATH, content=body, headers=headers, trust_env=False)


@pytest.mark.parametrize("attack", ATTACKS)
def test_is_refused_over_http(attack: str, listening: RunningGateway, stripe: FakeStripe) -> None:
    (body, header), code = _attacks(stripe.webhook_secret)[attack]
    answer = post(listening, body, header)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert listening.database.read_now(lambda conn: store.list_news(conn, 10)) == []


def test_two_gateways_are_told_at_once(postgres: PostgresServer, stripe: FakeStripe, tmp_path: Path) -> None:
    options = {
        "stripe_api_key": stripe.key, "stripe_url": stripe.url, "stripe_webhook_secret": stripe.webhook_secret,
        "public_url": "https://gateway.test", "database_url": postgres.create_database(),
    }  # fmt: skip
    with RunningGateway(tmp_path / "1", **options) as one, RunningGateway(tmp_path / "2", **options) as two:
        one.account("acme", "0")
        ordered = asyncio.run(_order(one, stripe))
        stripe.complete(ordered)
        messages = [stripe.signed(each, at=int(time.time())) for each in stripe.pending()] * 3
        with ThreadPoolExecutor(12) as pool:
            answers = list(
                pool.map(lambda each: post(each[0], *each[1]), [(g, m) for m in messages for g in (one, two)])
            )
        assert {answer.status_code for answer in answers} == {200}
        eventually(lambda: one.balance("acme").granted_nanousd == 1_000 * CENT, "the credit is there")
        eventually(
            lambda: not one.database.read_now(lambda conn: store.list_news(conn, 9, open_only=True)),
            "all is handled",
        )
        news: list[News] = one.database.read_now(lambda conn: store.list_news(conn, 100))
        assert len({each.event_id for each in news}) == sum(answer.json()["new"] for answer in answers)
        assert one.balance("acme").granted_nanousd == 1_000 * CENT


async def _order(gateway: RunningGateway, stripe: FakeStripe) -> str:
    api = StripeApi(stripe.key, url=stripe.url)
    border = Border(
        database=gateway.database,
        api=api,
        webhook_secrets=(),
        public_url="https://g.test",
        sink="none",
        tax=False,
    )
    account = gateway.database.read_now(lambda conn: find_account(conn, "acme"))
    before = set(stripe.of("checkout.session"))
    await customer_of(border, account)
    await order_top_up(border, account, 1_000, "test")
    await api.close()
    (made,) = set(stripe.of("checkout.session")) - before
    return made
