"""From a rule to a message in the outbox: once, however many processes look at once, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from gateway.alerts import manage, store
from gateway.errors import BadRequest, Conflict, NotFound
from gateway.jobs import watch_alerts
from gateway.kit.clock import DAY_US, from_rfc3339
from gateway.kit.db import Database
from gateway.kit.ids import new_id
from gateway.people import store as people
from gateway.people.sign_in import add_person
from gateway.people.types import Lines
from tests.alerts.house import NOON, House
from tests.fixtures.ledger import Books, order, serve
from tests.rollups.test_roll import catch_up

URL = "http://127.0.0.1:9/hook"


def test_a_threshold_is_said_once_and_is_over_with_its_month(house: House) -> None:
    house.webhook(URL)
    house.mail()
    house.rule("spent_month", 500, 50, 80, 100)
    assert house.watch() == 0
    house.spend(251, days_ago=2)
    assert house.watch() == 2
    house.spend(150)
    assert house.watch() == 2
    house.seen.clear()
    assert house.watch() == 0, "a process that knows nothing says nothing again"
    assert house.texts[0] == "$401.00 was spent this month, which reaches $400.00, 80 % of $500.00."
    assert [(each.mark, each.recovered_us) for each in house.firings] == [(80, None), (50, None)]
    house.now = from_rfc3339("2027-02-01T00:00:01Z")
    assert house.watch() == 2, "a program hears that it is over, and of each"
    assert {each.recovered_us for each in house.firings} == {house.now}


def test_of_several_thresholds_at_once_the_last_is_told(house: House) -> None:
    house.webhook(URL)
    house.rule("spent_today", 10, 50, 80, 100)
    house.rule("credit_below", 200, 60, 100)
    house.spend(9)
    assert house.watch() == 2
    assert sorted(house.texts) == [
        "$100.00 of credit is left, less than $120.00, 60 % of $200.00.",
        "$9.00 was spent today, which reaches $8.00, 80 % of $10.00.",
    ]
    assert len(house.firings) == 4


def test_credit_that_is_given_and_taken(house: House) -> None:
    house.webhook(URL)
    house.mail()
    house.rule("credit_below", 50)
    assert house.watch() == 0
    house.give(-60)
    assert house.watch() == 2
    house.give(20)
    assert house.watch() == 1, "who topped up knows it; a program does not"
    assert house.texts[0] == "Credit left: above $50.00 again."
    house.give(-20)
    assert house.watch() == 2
    assert [each.period for each in house.firings] == [2, 1]


def test_days_and_unusual_days(house: House) -> None:
    house.webhook(URL)
    house.rule("credit_days", 0, 7)
    house.rule("anomaly", 1, 250)
    for days_ago in range(1, 8):
        house.spend(16, days_ago=days_ago)
    assert house.watch() == 1
    assert house.texts == ["At this rate the credit lasts 6 days, fewer than 7 days."]
    house.spend(41)
    assert house.watch() == 1
    assert house.texts[0] == "$41.00 was spent today, more than 2.5 times the usual."


def test_a_key_of_its_own(house: House, books: Books) -> None:
    house.webhook(URL)
    other = books.key(house.account_id)
    house.rule("spent_today", 10, key_id=other)
    house.spend(50)
    assert house.watch() == 0
    house.spend(10, key_id=other)
    assert house.watch() == 1
    assert "by the key 'k'" in house.texts[0]


def test_what_did_not_change_is_not_looked_at_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.rule("spent_today", 10)
    house.watch()
    looked: list[str] = []
    look = watch_alerts.look

    def counted(*given: Any) -> Any:
        looked.append(given[1])
        return look(*given)

    monkeypatch.setattr(watch_alerts, "look", counted)
    house.watch()
    assert looked == []
    house.give(1)
    house.watch()
    house.now += DAY_US
    house.watch()
    house.rule("spent_today", 20)
    house.watch()
    assert looked == [house.account_id] * 3


def test_a_request_is_noticed(books: Books) -> None:
    """Through the writer and the sums, as in a gateway."""
    house = House(books, usd=1)
    house.webhook(URL)
    house.rule("spent_today", 0.000001)
    house.watch()
    books.now = house.now
    books.do(serve(books.writer(), books, order((house.account_id, house.key_id))))
    catch_up(house.database)
    assert house.watch() == 1


def test_two_processes_that_look_at_once_say_it_once(house: House, database_url: str) -> None:
    """Each with its own connections; both have read before either writes."""
    house.webhook(URL)
    house.mail()
    house.rule("spent_today", 10, 50, 80, 100)
    house.rule("credit_below", 1000, 50, 100)
    house.spend(11)
    others = [Database(database_url) for _ in range(3)]
    together = Barrier(len(others), timeout=10)

    def look(database: Database) -> int:
        together.wait()
        return house.watch(database, {})

    with ThreadPoolExecutor(len(others)) as processes:
        for round_ in range(2):
            counts = list(processes.map(look, others))
            assert sum(counts) == (4 if round_ == 0 else 0), counts
    for database in others:
        database.close()
    assert (len(house.firings), len(house.outbox)) == (5, 4)


def test_decided_by_two_before_either_wrote(
    house: House, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same decisions, written twice: the row decides, not the looking."""
    house.webhook(URL)
    house.rule("spent_today", 10)
    house.spend(11)
    decided = Barrier(2)
    decisions = watch_alerts._decisions

    def wait(*given: Any) -> Any:
        found = decisions(*given)
        decided.wait(10)
        return found

    monkeypatch.setattr(watch_alerts, "_decisions", wait)
    other = Database(database_url)
    with ThreadPoolExecutor(2) as processes:
        counts = list(processes.map(lambda database: house.watch(database, {}), [house.database, other]))
    other.close()
    assert sorted(counts) == [0, 1]
    assert len(house.outbox) == 1


def test_a_rule_that_was_removed_says_nothing(house: House) -> None:
    house.webhook(URL)
    rule = house.rule("spent_today", 10)
    house.spend(11)
    house.watch()
    house.write(lambda conn: manage.remove_rule(conn, house.account_id, rule.id, house.now))
    assert house.firings[0].recovered_us == house.now
    house.now += DAY_US
    assert house.watch() == 0
    assert house.seen == {}
    with pytest.raises(NotFound):
        house.write(lambda conn: manage.remove_rule(conn, house.account_id, rule.id, house.now))


def test_who_is_no_member_any_more_is_not_told(house: House) -> None:
    house.mail()
    house.rule("spent_today", 10)
    other = house.write(
        lambda conn: add_person(conn, "bob@example.com", name="", is_operator=False, now_us=1)
    )
    house.write(lambda conn: people.join(conn, house.account_id, other.id, "owner", 1))
    house.write(lambda conn: people.leave(conn, house.account_id, house.person_id))
    house.spend(11)
    assert house.watch() == 0
    [target] = house.read(lambda conn: store.list_targets(conn, house.account_id))
    assert target.address == ""


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"kind": "love"}, "kind"), ({"kind": "spent_today", "amount": "ten"}, "amount"), ({"kind": "spent_today"}, "amount"),
        ({"kind": "spent_month", "amount": "0"}, "amount"), ({"kind": "spent_month", "amount": "-5"}, "amount"),
        ({"kind": "spent_month", "amount": "5", "marks": "half"}, "marks"), ({"kind": "credit_days"}, "marks"),
        ({"kind": "credit_days", "marks": "0"}, "marks"), ({"kind": "anomaly", "amount": "1", "marks": "1"}, "marks"),
        ({"kind": "anomaly", "amount": "1", "marks": "1.234"}, "marks"), ({"kind": "anomaly", "amount": "1"}, "marks"),
        ({"kind": "spent_month", "amount": "5", "marks": ",".join(map(str, range(1, 12)))}, "marks"),
        ({"kind": "spent_month", "amount": "5", "marks": "9" * 40}, "marks"), ({"kind": "spent_today", "amount": "9" * 10}, "amount"),
    ],
)  # fmt: skip
def test_what_is_typed_wrong(form: dict[str, str], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        manage.rule_of("alr", "acc", form, NOON, key_id=None)
    assert refused.value.param == param


def test_what_is_typed_right() -> None:
    def typed(**form: str) -> tuple[int, tuple[int, ...]]:
        rule = manage.rule_of("alr", "acc", form, NOON, key_id=None)
        return rule.amount_nanousd, rule.marks

    assert typed(kind="spent_month", amount="$1,500", marks=" 100 %, 50,80%,50 ") == (
        1500 * 10**9,
        (50, 80, 100),
    )
    assert typed(kind="credit_below", amount="0.5") == (5 * 10**8, (100,))
    assert typed(kind="credit_days", marks="7, 2", amount="") == (0, (2, 7))
    assert typed(kind="anomaly", amount="1", marks="3, 2.5, 10x") == (10**9, (250, 300, 1000))
    with pytest.raises(BadRequest, match="not to a key"):
        manage.rule_of("alr", "acc", {"kind": "credit_below", "amount": "1"}, NOON, key_id="key_1")


def test_there_is_an_end_to_everything(house: House, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manage, "RULES_MAX", 2)
    monkeypatch.setattr(manage, "TARGETS_MAX", 2)
    house.rule("spent_today", 1)
    house.rule("spent_today", 2)
    with pytest.raises(Conflict, match="at most 2 alerts"):
        house.rule("spent_today", 3)
    house.webhook(URL)
    with pytest.raises(Conflict, match="told already"):
        house.webhook(URL)
    house.mail()
    with pytest.raises(Conflict, match="at most 2 addresses"):
        house.webhook("http://127.0.0.1:9/other")
    stranger, key = books.account(1)
    with pytest.raises(NotFound):
        house.rule("spent_today", 1, key_id=key)
    with pytest.raises(BadRequest, match="members"):
        house.write(lambda conn: manage.mail_to(conn, new_id("tgt"), stranger, house.person_id, NOON))
    log = house.read(lambda conn: people.list_entries(conn, Lines(account_id=house.account_id), limit=100))
    assert [each.action for each in log] == ["alert_target.add", "alert_target.add", "alert.add", "alert.add"]
