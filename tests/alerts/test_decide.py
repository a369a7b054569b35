"""What fires, and when it is over: by hand, and for whatever an account does."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts.decide import decide, threshold
from gateway.alerts.types import KINDS, OF_CREDIT, Figures, Fire, Firing, Recover, Rule, RuleKind
from gateway.kit.clock import DAY_US, from_rfc3339, month_begin_us
from gateway.rollups.outlook import Outlook, outlook

NOON = from_rfc3339("2027-01-15T12:00:00Z")
DAYS = range(NOON // DAY_US, NOON // DAY_US + 60)


def rule(kind: RuleKind, amount: int, *marks: int, key_id: str | None = None) -> Rule:
    return Rule(id=f"r-{kind}-{amount}-{marks}-{key_id}", account_id="a", key_id=key_id, kind=kind, amount_nanousd=amount,
                marks=marks, created_us=0)  # fmt: skip


def figures(by_day: dict[int, int], now: int, left: int = 10**12, **by_key: Outlook) -> Figures:
    return Figures(remaining_nanousd=left, account=outlook(by_day, left, now), by_key=by_key)


class Book:
    """What was written down, as the database does it: the primary key decides."""

    def __init__(self) -> None:
        self.firings: dict[tuple[str, int, int], Firing] = {}

    @property
    def last(self) -> dict[tuple[str, int], Firing]:
        return {
            (each.rule_id, each.mark): each for each in sorted(self.firings.values(), key=lambda f: f.period)
        }

    def step(self, rules: Sequence[Rule], seen: Figures, now: int) -> list[Fire | Recover]:
        decisions = decide(rules, seen, self.last, now)
        for each in decisions:
            if isinstance(each, Fire):
                key = (each.rule.id, each.mark, each.period)
                assert key not in self.firings, "once"
                self.firings[key] = Firing(id=str(key), rule_id=each.rule.id, mark=each.mark, period=each.period,
                                           account_id="a", value=each.value, fired_us=now)  # fmt: skip
            else:
                key = (each.firing.rule_id, each.firing.mark, each.firing.period)
                assert self.firings[key].recovered_us is None
                self.firings[key] = msgspec.structs.replace(self.firings[key], recovered_us=now)
        assert decide(rules, seen, self.last, now) == [], "nothing is decided twice"
        return decisions


rules = st.one_of(
    st.builds(rule, st.sampled_from(["spent_today", "spent_month", "credit_below"]), st.integers(1, 1000),
              st.integers(1, 200), st.just(300)),
    st.builds(rule, st.just("credit_days"), st.just(0), st.integers(1, 20), st.just(30)),
    st.builds(rule, st.just("anomaly"), st.integers(1, 100), st.integers(101, 300), st.just(400)),
)  # fmt: skip
moments = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 23), st.integers(0, 400), st.integers(-300, 3000)),
    max_size=40,
)


@given(st.lists(rules, min_size=1, max_size=4, unique_by=lambda each: each.id), moments)
def test_whatever_an_account_does(watched: list[Rule], told: list[tuple[int, int, int, int]]) -> None:
    """Days go by, money is spent and given: what is past its threshold has fired in its period, once, and what is not is over."""
    book, day, hour = Book(), DAYS[0], 0
    by_day: dict[int, int] = {}
    for later, at, spent, left in told:
        day, hour = day + later, at if later else max(hour, at)
        now = day * DAY_US + hour * DAY_US // 24
        by_day[day] = by_day.get(day, 0) + spent
        seen = figures(by_day, now, left)
        book.step(watched, seen, now)
        for each in watched:
            for mark in each.marks:
                check(each, mark, seen, book.last.get((each.id, mark)), now)


def check(each: Rule, mark: int, seen: Figures, last: Firing | None, now: int) -> None:
    fires = last is not None and last.recovered_us is None
    look = seen.account
    if each.kind in ("spent_today", "spent_month"):
        spent = look.today_nanousd if each.kind == "spent_today" else look.month_nanousd
        assert fires == (spent >= threshold(each, mark))
        return
    if each.kind == "anomaly":
        period = now // DAY_US
        past = (
            look.today_nanousd >= each.amount_nanousd
            and look.today_nanousd * 100 > look.daily_nanousd * mark > 0
        )
        assert fires == (last is not None and last.period == period), "a day that was unusual stays so"
        assert fires or not past
        return
    if each.kind == "credit_below":
        assert fires == (seen.remaining_nanousd < threshold(each, mark))
        return
    days = look.runway_days
    assert not fires or (days is not None and days <= mark)
    assert fires or days is None or days >= mark


def test_every_kind_is_meant() -> None:
    assert set(KINDS) == {"spent_today", "spent_month", "anomaly", *OF_CREDIT}


def test_shares_of_a_month() -> None:
    book, watched = Book(), [rule("spent_month", 500, 50, 80, 100)]
    day = NOON // DAY_US
    fired = []
    for spent in (249, 250, 399, 400, 499, 500, 900):
        fired += book.step(watched, figures({day - 3: spent}, NOON), NOON)
    assert [(each.mark, each.value) for each in fired if isinstance(each, Fire)] == [
        (50, 250),
        (80, 400),
        (100, 500),
    ]
    march = from_rfc3339("2027-02-01T00:00:00Z")
    over = book.step(watched, figures({day - 3: 900}, march), march)
    assert [type(each) for each in over] == [Recover] * 3
    assert over[0].firing.period == month_begin_us(NOON) // DAY_US  # type: ignore[union-attr]


def test_several_thresholds_at_once_are_all_kept() -> None:
    fired = Book().step([rule("spent_today", 100, 50, 80, 100)], figures({NOON // DAY_US: 90}, NOON), NOON)
    assert [each.mark for each in fired if isinstance(each, Fire)] == [50, 80]


def test_credit_that_falls_comes_back_and_falls_again() -> None:
    book, watched = Book(), [rule("credit_below", 100, 100)]
    said = [book.step(watched, figures({}, NOON, left), NOON) for left in (101, 99, 50, 100, 0)]
    assert [[type(each) for each in one] for one in said] == [[], [Fire], [], [Recover], [Fire]]
    assert [each.period for each in book.firings.values()] == [1, 2]


def test_days_of_credit_do_not_flap() -> None:
    """Seven days at 10 a day: at 70 there are 7, at 69 six; it is over at eight."""
    by_day = {NOON // DAY_US - back: 10 for back in range(1, 8)}
    book, watched = Book(), [rule("credit_days", 0, 7)]
    said = [book.step(watched, figures(by_day, NOON, left), NOON) for left in (75, 69, 75, 69, 79, 80, 69)]
    assert [[type(each) for each in one] for one in said] == [[], [Fire], [], [], [], [Recover], [Fire]]
    assert [type(each) for each in book.step(watched, figures({}, NOON, 0), NOON)] == [Recover], (
        "nothing is spent any more"
    )


def test_an_unusual_day() -> None:
    today = NOON // DAY_US
    usual = {today - back: 10 for back in range(1, 8)}
    watched = [rule("anomaly", 25, 300)]
    assert Book().step(watched, figures(usual | {today: 30}, NOON), NOON) == [], "three times, not more"
    assert len(Book().step(watched, figures(usual | {today: 31}, NOON), NOON)) == 1
    assert Book().step([rule("anomaly", 50, 300)], figures(usual | {today: 31}, NOON), NOON) == [], (
        "too little to speak of"
    )
    assert Book().step(watched, figures({today: 1000}, NOON), NOON) == [], "a first day is like no other"


def test_a_keys_rule_looks_at_the_key() -> None:
    day = NOON // DAY_US
    watched = [rule("spent_today", 50, 100, key_id="k"), rule("spent_today", 50, 100, key_id="q")]
    of_k, of_q = outlook({day: 60}, 0, NOON), outlook({}, 0, NOON)
    [fired] = decide(watched, figures({day: 60}, NOON, k=of_k, q=of_q), {}, NOON)
    assert isinstance(fired, Fire)
    assert (fired.rule.key_id, fired.value) == ("k", 60)


@pytest.mark.parametrize("kind", ["spent_today", "spent_month", "anomaly"])
def test_a_clock_that_is_behind_says_nothing_of_yesterday(kind: RuleKind) -> None:
    """Another process is past midnight already."""
    ahead = from_rfc3339("2027-02-01T00:00:01Z")
    spent = {NOON // DAY_US: 1000, ahead // DAY_US: 1000, NOON // DAY_US - 1: 1, ahead // DAY_US - 1: 1000}
    watched, book = [rule(kind, 1, 200)], Book()
    book.step(watched, figures({ahead // DAY_US: 1000, ahead // DAY_US - 1: 1}, ahead), ahead)
    assert len(book.firings) == 1
    behind = ahead - 2_000_000
    assert decide(watched, figures(spent, behind), book.last, behind) == []
