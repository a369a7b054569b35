"""Caps of keys: per day, per month, in all; exact across processes, whatever the account still has."""

import pytest

from gateway.credit.store import list_counters
from gateway.credit.types import Caps, Hold
from gateway.errors import InsufficientCredit, KeyCapReached, ProjectCapReached
from tests.fixtures.ledger import FEBRUARY, JANUARY, Books, order, serve

HOLD = 1_000 + 10 * 600
COST = 5 * 200 + 2 * 600
DAY = 86_400_000_000


def counted(books: Books, account_id: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Settled and held, by key or project and period."""
    found = books.database.read_now(lambda conn: list_counters(conn, account_id))
    return {(each.subject_id, each.period): (each.settled_nanousd, each.held_nanousd) for each in found}


@pytest.mark.parametrize("processes", [1, 4])
def test_exactly_what_the_cap_affords_is_served(books: Books, processes: int) -> None:
    owner, caps = books.account(10**12), Caps(total_nanousd=30 * HOLD)
    writers = [books.writer() for _ in range(processes)]
    asked = [writers[n % processes].hold(order(owner, caps=caps)) for n in range(300)]
    holds = [hold for hold in books.all(*asked) if isinstance(hold, Hold)]
    assert len(holds) == 30
    by_process = {writer.process_id: writer for writer in writers}
    settled = books.all(*(by_process[hold.process_id].charge(books.charge(hold)) for hold in holds))
    spent = sum(each.event.cost_nanousd for each in settled)
    assert counted(books, owner[0]) == {
        (owner[1], period): (spent, 0) for period in ("day:2027-01-15", "month:2027-01", "total")
    }
    assert books.findings() == ()


@pytest.mark.parametrize(
    ("caps", "again_at"),
    [
        (Caps(day_nanousd=HOLD), JANUARY + DAY),
        (Caps(month_nanousd=HOLD), FEBRUARY),
        (Caps(day_nanousd=HOLD, month_nanousd=10 * HOLD, total_nanousd=20 * HOLD), JANUARY + DAY),
    ],
)
def test_a_cap_ends_with_its_period(books: Books, caps: Caps, again_at: int) -> None:
    owner, writer = books.account(10**12), books.writer()
    hold = books.do(writer.hold(order(owner, caps=caps)))
    assert hold.output_tokens_max == 10
    books.do(writer.charge(books.charge(hold, 10)))
    with pytest.raises(KeyCapReached):
        books.do(writer.hold(order(owner, caps=caps)))
    books.now = again_at
    assert books.do(serve(writer, books, order(owner, caps=caps))).event.cost_nanousd == COST
    assert books.findings() == ()


def test_a_cap_clamps_and_says_which_it_is(books: Books) -> None:
    owner, writer = books.account(10**12), books.writer()
    caps = Caps(day_nanousd=1_000 + 3 * 600)
    hold = books.do(writer.hold(order(owner, caps=caps)))
    assert hold.output_tokens_max == 3
    with pytest.raises(KeyCapReached, match="cap per day") as refusal:
        books.do(writer.hold(order(owner, caps=caps)))
    assert refusal.value.extra == {
        "needed_nanousd": 1_600,
        "available_nanousd": 0,
        "key_id": owner[1],
        "window": "day",
        "cap_nanousd": 2_800,
        "resets_at": "2027-01-16T00:00:00.000000Z",
    }


def test_an_account_poorer_than_its_keys_cap_is_what_counts(books: Books) -> None:
    owner, writer = books.account(100), books.writer()
    with pytest.raises(InsufficientCredit) as refusal:
        books.do(writer.hold(order(owner, caps=Caps(total_nanousd=10**12))))
    assert type(refusal.value) is InsufficientCredit


def test_what_a_key_spent_before_its_cap_counts(books: Books) -> None:
    owner, writer = books.account(10**12), books.writer()
    books.do(serve(writer, books, order(owner)))
    caps = Caps(total_nanousd=COST + HOLD - 1)
    assert books.do(writer.hold(order(owner, caps=caps))).output_tokens_max == 9
    assert books.do(writer.hold(order((owner[0], books.key(owner[0])), caps=caps))).output_tokens_max == 10


def test_what_a_dead_process_held_of_a_cap_is_given_back(books: Books) -> None:
    owner, caps = books.account(10**12), Caps(day_nanousd=HOLD)
    books.do(books.writer().hold(order(owner, caps=caps)))
    survivor = books.writer()
    with pytest.raises(KeyCapReached):
        books.do(survivor.hold(order(owner, caps=caps)))
    assert books.findings() == ()
    assert books.bury() == 2
    assert books.do(survivor.hold(order(owner, caps=caps))).amount_nanousd == HOLD
    assert books.findings() == ()


def test_a_stream_over_midnight_stays_in_the_day_in_which_it_began(books: Books) -> None:
    owner, writer, caps = books.account(10**12), books.writer(), Caps(day_nanousd=2 * HOLD)
    wanted = order(owner, caps=caps)
    hold = books.do(writer.hold(wanted))
    books.now += DAY
    hold = books.do(writer.extend(wanted, hold, 5))
    books.do(writer.charge(books.charge(hold, 15)))
    counters = counted(books, owner[0])
    assert counters[owner[1], "day:2027-01-15"] == (5 * 200 + 15 * 600, 0)
    assert (owner[1], "day:2027-01-16") not in counters
    assert books.findings() == ()


# -- budgets of projects ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", [1, 4])
def test_exactly_what_the_budget_affords_is_served_to_all_its_keys_together(
    books: Books, processes: int
) -> None:
    owner, budget = books.account(10**12), Caps(month_nanousd=30 * HOLD)
    project = books.project(owner[0])
    keys = [owner[1], books.key(owner[0]), books.key(owner[0])]
    writers = [books.writer() for _ in range(processes)]
    asked = [
        writers[n % processes].hold(order((owner[0], keys[n % 3]), project=project, project_caps=budget))
        for n in range(300)
    ]
    outcomes = books.all(*asked)
    holds = [hold for hold in outcomes if isinstance(hold, Hold)]
    assert len(holds) == 30
    assert {type(each) for each in outcomes} == {Hold, ProjectCapReached}
    assert len({hold.key_id for hold in holds}) == 3
    by_process = {writer.process_id: writer for writer in writers}
    settled = books.all(*(by_process[hold.process_id].charge(books.charge(hold)) for hold in holds))
    spent = sum(each.event.cost_nanousd for each in settled)
    assert counted(books, owner[0])[project, "month:2027-01"] == (spent, 0)
    assert {each.event.project_id for each in settled} == {project}
    assert books.findings() == ()


def test_a_capped_key_in_a_project_with_a_budget_is_held_to_both(books: Books) -> None:
    owner, writer = books.account(10**12), books.writer()
    project, cap, budget = books.project(owner[0]), Caps(day_nanousd=2 * HOLD), Caps(total_nanousd=3 * HOLD)
    capped = order(owner, caps=cap, project=project, project_caps=budget)
    other = order((owner[0], books.key(owner[0])), project=project, project_caps=budget)
    for _ in range(2):
        books.do(writer.hold(capped))
    with pytest.raises(KeyCapReached):
        books.do(writer.hold(capped))
    assert books.do(writer.hold(other)).output_tokens_max == 10, "the project has a hold left"
    with pytest.raises(ProjectCapReached, match="in all") as refusal:
        books.do(writer.hold(other))
    assert refusal.value.extra == {
        "needed_nanousd": 1_600,
        "available_nanousd": 0,
        "project_id": project,
        "window": "total",
        "cap_nanousd": 3 * HOLD,
    }
    assert counted(books, owner[0]) == {
        **{(owner[1], period): (0, 2 * HOLD) for period in ("day:2027-01-15", "month:2027-01", "total")},
        **{(project, period): (0, 3 * HOLD) for period in ("day:2027-01-15", "month:2027-01", "total")},
    }
    assert books.findings() == ()


def test_the_tighter_of_the_two_is_the_one_that_is_named(books: Books) -> None:
    owner, writer = books.account(10**12), books.writer()
    project, low, high = books.project(owner[0]), Caps(day_nanousd=1_000), Caps(day_nanousd=1_500)
    with pytest.raises(KeyCapReached):
        books.do(writer.hold(order(owner, caps=low, project=project, project_caps=high)))
    with pytest.raises(ProjectCapReached, match="budget per day"):
        books.do(writer.hold(order(owner, caps=high, project=project, project_caps=low)))


def test_what_a_project_spent_before_its_budget_counts(books: Books) -> None:
    owner, writer = books.account(10**12), books.writer()
    project = books.project(owner[0])
    books.do(serve(writer, books, order(owner, project=project)))
    budget = Caps(total_nanousd=COST + HOLD - 1)
    assert books.do(writer.hold(order(owner, project=project, project_caps=budget))).output_tokens_max == 9


def test_a_key_that_moves_leaves_behind_what_it_spent_and_what_it_is_spending(books: Books) -> None:
    owner, writer = books.account(10**12), books.writer()
    before, after, budget = books.project(owner[0]), books.project(owner[0]), Caps(total_nanousd=10 * HOLD)
    running = books.do(writer.hold(order(owner, project=before, project_caps=budget)))
    moved = books.do(writer.hold(order(owner, project=after, project_caps=budget)))
    books.all(writer.charge(books.charge(running)), writer.charge(books.charge(moved, 4)))
    counters = counted(books, owner[0])
    assert counters[before, "total"] == (COST, 0)
    assert counters[after, "total"] == (5 * 200 + 4 * 600, 0)
    assert counters[owner[1], "total"] == (COST + 5 * 200 + 4 * 600, 0)
    assert books.findings() == ()


def test_what_a_dead_process_held_of_a_budget_is_given_back(books: Books) -> None:
    owner, survivor = books.account(10**12), books.writer()
    caps, project = Caps(day_nanousd=HOLD), books.project(owner[0])
    wanted = order(owner, caps=caps, project=project, project_caps=caps)
    books.do(books.writer().hold(wanted))
    with pytest.raises(KeyCapReached):
        books.do(survivor.hold(wanted))
    assert books.bury() == 2
    assert books.do(survivor.hold(wanted)).amount_nanousd == HOLD
    assert books.findings() == ()


def test_a_project_without_a_budget_spends_from_memory(books: Books) -> None:
    """What nobody configured costs nothing: after the first request there is a lease, and no one asks the database."""
    owner, writer = books.account(10**12), books.writer()
    project = books.project(owner[0])
    books.do(serve(writer, books, order(owner, project=project)))
    hold = books.do(writer.hold(order(owner, project=project)))
    assert (hold.lease_id.subjects, hold.project_id) == ((), project)
    books.do(writer.charge(books.charge(hold)))
    assert counted(books, owner[0])[project, "total"] == (2 * COST, 0)
    assert books.findings() == ()
