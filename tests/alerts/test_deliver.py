"""The outbox is emptied: at least once, with the same id, and nobody who is dead holds up the others."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import tollway
from hypothesis import given
from hypothesis import strategies as st

from gateway.accounts.store import find_account
from gateway.alerts import deliver, manage, store
from gateway.alerts.deliver import CLAIM_US, PAUSES_S, next_try_us
from gateway.alerts.sign import webhook_secret
from gateway.alerts.types import Target
from gateway.errors import Conflict
from gateway.kit.clock import SECOND_US, now_us
from gateway.kit.ids import new_id
from gateway.people import store as people
from tests.alerts.house import House
from tests.alerts.sending import SECRET, courier, empty, fire, make_due
from tests.fixtures.postbox import Postbox
from tests.fixtures.receiver import Receiver, megabytes, status
from tests.fixtures.running import eventually, free_port


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with Postbox() as running:
        yield running


def test_a_webhook_as_its_receiver_sees_it(house: House, receiver: Receiver) -> None:
    target = house.webhook(receiver.url)
    fire(house)
    assert empty(house) == 1
    [came] = receiver.received
    event = tollway.webhooks.verify(came.body, came.headers, webhook_secret(SECRET, target.id, 1))
    [sent] = house.outbox
    assert (event.id, event.type) == (sent.id, "alert.fired")
    assert event.data["rule"] == "spent_today"
    assert (event.data["value_usd"], event.data["amount_usd"]) == ("12.000000000", "10.000000000")
    assert event.data["url"] == f"https://gw.example/dashboard/accounts/{house.account_id}/alerts"
    assert (sent.delivered_us is not None, sent.due_us, sent.attempts, sent.last_error) == (
        True,
        None,
        1,
        None,
    )
    assert empty(house) == 0
    with pytest.raises(tollway.webhooks.SignatureInvalid):
        tollway.webhooks.verify(came.body, came.headers, webhook_secret(SECRET, new_id("tgt"), 1))


def test_a_mail_as_its_reader_sees_it(house: House, postbox: Postbox) -> None:
    house.mail()
    fire(house)
    assert empty(house, smtp_url=postbox.url) == 1
    mail = postbox.last_to("ada@example.com")
    assert mail["subject"].endswith("$12.00 was spent today, which reaches $10.00.")
    text = mail.get_content()
    assert f"https://gw.example/dashboard/accounts/{house.account_id}/alerts" in text
    assert "Nothing was stopped" in text
    assert house.outbox[0].delivered_us is not None


def test_a_mail_that_is_refused_says_why(house: House, postbox: Postbox) -> None:
    house.mail()
    fire(house)
    postbox.answers.append("550 no such mailbox")
    empty(house, smtp_url=postbox.url)
    assert "550" in (house.outbox[0].last_error or "")
    make_due(house)
    empty(house)
    assert "smtp_url" in (house.outbox[0].last_error or ""), "mail was switched off meanwhile"
    make_due(house)
    other = house.write(lambda conn: people.find_person(conn, "ada@example.com"))
    house.write(
        lambda conn: conn.execute(
            people.memberships.delete().where(people.memberships.c.person_id == other.id)
        )
    )
    empty(house, smtp_url=postbox.url)
    assert (house.outbox[0].given_up_us is not None, postbox.envelopes) == (True, [])


def test_a_crash_between_deciding_and_delivering_loses_nothing(house: House, receiver: Receiver) -> None:
    """Of a process that decided, and of one that had claimed: the next one sends, with the same id."""
    house.webhook(receiver.url)
    fire(house)  # whoever did this is gone
    [before] = house.outbox
    due = house.read(lambda conn: store.list_due(conn, now_us(), 10, busy=[]))
    until = now_us() + CLAIM_US
    assert house.write(lambda conn: store.claim_delivery(conn, due[0][0], until))  # and so is who claimed it
    assert empty(house) == 0, "while it may live, nobody else sends"
    make_due(house)  # as when the claim is over
    assert empty(house) == 1
    assert [came.headers["webhook-id"] for came in receiver.received] == [before.id]


def test_one_of_several_processes_sends(house: House, receiver: Receiver) -> None:
    house.webhook(receiver.url)
    fire(house)

    async def run() -> list[int]:
        several = [courier(house) for _ in range(4)]
        counts = await asyncio.gather(*(each.step() for each in several))
        for each in several:
            await each.settled()
            await each.close()
        return counts

    assert sorted(asyncio.run(run())) == [0, 0, 0, 1]
    assert len(receiver.received) == 1


def test_a_failing_receiver_is_tried_again_with_the_same_id_and_a_new_timestamp(
    house: House, receiver: Receiver
) -> None:
    house.webhook(receiver.url)
    fire(house)
    receiver.answers = [
        status(500),
        status(302, location="http://127.0.0.1:9/"),
        status(503, retry_after="7200"),
        megabytes,
    ]
    said = []
    for _ in range(4):
        empty(house)
        said.append((house.outbox[0].last_error, house.outbox[0].attempts))
        make_due(house)
    assert said == [("it answered 500", 1), ("it answered 302", 2), ("it answered 503", 3), (None, 4)]
    assert {came.headers["webhook-id"] for came in receiver.received} == {house.outbox[0].id}
    assert len({came.body for came in receiver.received}) == 1
    assert house.outbox[0].delivered_us is not None


def test_who_hangs_or_is_dead_holds_up_nobody(house: House, receiver: Receiver) -> None:
    with Receiver() as dead:
        dead.answers = [dead.hang] * 9
        for path in ("a", "b", "c"):
            house.webhook(f"http://127.0.0.1:{dead.port}/{path}")
        house.webhook(f"http://127.0.0.1:{free_port()}/")
        house.webhook(receiver.url)
        fire(house)
        begun = time.monotonic()

        async def run() -> float:
            one = courier(house, timeout_s=1.5)
            assert await one.step() == 5
            await asyncio.to_thread(eventually, lambda: receiver.received, "the living one is told")
            soon = time.monotonic() - begun
            assert await one.step() == 0, "what is on its way is not claimed again"
            await one.settled()
            await one.close()
            return soon

        assert asyncio.run(run()) < 1.4
    errors = sorted(each.last_error or "" for each in house.outbox)
    assert errors[0] == "" and errors[-1].startswith("no connection")
    assert errors[1:4] == ["no answer within 1.5 s"] * 3


def test_a_private_address_is_not_asked_unless_the_installation_says_so(
    house: House, receiver: Receiver
) -> None:
    house.webhook(f"https://127.0.0.1:{receiver.port}/")
    fire(house)
    empty(house, private=False)
    assert house.outbox[0].last_error == "it leads to 127.0.0.1, which is no public address"
    assert receiver.received == []


def test_who_is_gone_is_told_no_more(house: House, receiver: Receiver) -> None:
    target = house.webhook(receiver.url)
    fire(house)
    house.rule("spent_today", 11)
    assert house.watch() == 1
    make_due(house)
    receiver.answers = [status(410)]
    empty(house)
    assert {each.given_up_us is not None for each in house.outbox} == {True}
    house.rule("spent_today", 12)
    assert house.watch() == 0
    house.write(lambda conn: manage.change_target(conn, house.account_id, target.id, "resume", now_us()))
    house.rule("spent_today", 9)
    assert house.watch() == 1
    again = house.outbox[-1].id
    house.write(lambda conn: manage.send_again(conn, house.account_id, again, now_us()))
    with pytest.raises(Conflict):
        house.write(lambda conn: manage.send_again(conn, house.account_id, again, now_us()))
    make_due(house)
    assert empty(house) == 1, "one at a time to each"


def test_a_message_of_ours_that_breaks_does_not_stop_the_others(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.webhook(receiver.url)
    house.webhook(f"{receiver.url}/bad")
    fire(house)
    written = deliver.headers_of

    def breaks(secret: bytes, target: Target, *rest: Any) -> dict[str, str]:
        if target.address.endswith("/bad"):
            raise RuntimeError("our mistake")
        return written(secret, target, *rest)

    monkeypatch.setattr(deliver, "headers_of", breaks)
    assert empty(house) == 2
    assert len(receiver.received) == 1
    assert sorted(each.due_us is None for each in house.outbox) == [False, True], (
        "it is due again when its claim is over"
    )


def test_given_up_after_some_days(house: House, receiver: Receiver) -> None:
    house.webhook(receiver.url)
    fire(house)
    receiver.answers = [status(500)] * 20
    for _ in range(len(PAUSES_S) + 1):
        make_due(house)
        assert empty(house) == 1
    [done] = house.outbox
    assert (done.due_us, done.given_up_us is not None, done.attempts) == (None, True, 10)
    assert empty(house) == 0


@given(st.integers(1, 9), st.integers(80, 120), st.one_of(st.none(), st.integers(0, 10**9)))
def test_pauses_grow_and_end(attempts: int, jitter: int, asked_s: int | None) -> None:
    at = next_try_us(attempts, 0, asked_s, jitter_percent=jitter)
    assert at is not None
    assert at >= PAUSES_S[attempts - 1] * SECOND_US * 8 // 10
    assert at >= min(asked_s or 0, 86_400) * SECOND_US
    assert at <= 104_000 * SECOND_US
    assert next_try_us(10, 0, asked_s, jitter_percent=jitter) is None
    assert sum(PAUSES_S) > 3 * 86_400


def test_tests_are_messages_and_not_too_many(house: House, receiver: Receiver) -> None:
    target = house.webhook(receiver.url)
    account = house.read(lambda conn: find_account(conn, house.account_id))
    now = now_us()
    house.write(lambda conn: manage.send_test(conn, account, target.id, "msg_1", now))
    with pytest.raises(Conflict, match="ten seconds"):
        house.write(lambda conn: manage.send_test(conn, account, target.id, "msg_2", now + 1))
    empty(house)
    assert msgspec.json.decode(receiver.received[0].body)["type"] == "alert.test"


def test_what_was_done_with_long_ago_is_forgotten(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.webhook(receiver.url)
    fire(house)
    empty(house)

    async def forget() -> None:
        one = courier(house)
        await one.forget()
        await one.close()

    asyncio.run(forget())
    assert len(house.outbox) == 1
    monkeypatch.setattr(deliver, "KEPT_US", -1_000_000)
    asyncio.run(forget())
    assert house.outbox == []
