"""P1, P2 and every identity, under any interleaving of what can happen to money, crashes included.

A hypothesis state machine drives two processes' writers on one ledger; after each step the audit derives everything
again and must agree, and an oracle that knows nothing of leases or batches must have the same spending.
"""

import contextlib
from itertools import count
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.catalog.store import publish
from gateway.catalog.types import PriceBook, Tier
from gateway.credit.draw import periods
from gateway.credit.give import give, set_credit_limit
from gateway.credit.store import list_counters
from gateway.credit.types import NO_CAPS, Caps, Counter, Hold, Order
from gateway.errors import Conflict, InsufficientCredit
from gateway.kit.clock import next_month_us
from gateway.kit.db import Database
from gateway.metering.batch import ProcessLost
from gateway.metering.types import Outcome
from gateway.metering.writer import Writer
from tests.fixtures.ledger import TIERED, Books, order
from tests.fixtures.migrated import migrate

HOUR = 3_600_000_000
MONTHLY = 5_000
RICH, POOR = 20_000_000, 20_000

OUTCOMES: list[Outcome] = ["completed", "client_gone", "credit_ended", "empty", "worker_failed"]


class Ledger(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        url = f"sqlite:///{self._folder.name}/ledger.db"
        migrate(url)
        self._database = Database(url)
        self.books = Books(self._database)
        self.running: list[tuple[Writer, Order, Hold]] = []
        self.spent: dict[str, int] = {}
        self._versions = count(TIERED.version + 1)

    @initialize(capital=st.sampled_from([POOR, RICH]), limit=st.sampled_from([0, 0, 9_000]))
    def begin(self, capital: int, limit: int) -> None:
        self.owners = [self.books.account(capital, monthly=MONTHLY, limit=limit), self.books.account(POOR)]
        self.owners.append((self.owners[0][0], self.books.key(self.owners[0][0])))
        self.projects = [self.books.project(self.owners[0][0]) for _ in range(2)]
        self.caps: dict[str, Caps] = {}
        self.inside: dict[str, str] = {}
        self.writers = [self.books.writer(), self.books.writer()]
        self.spent = {account: 0 for account, _ in self.owners}
        self.spent_by = dict.fromkeys([*self.projects, *(key for _, key in self.owners)], 0)

    @rule(process=st.integers(0, 1), owner=st.integers(0, 2), tokens=st.integers(1, 40))
    def request(self, process: int, owner: int, tokens: int) -> None:
        account, key = self.owners[owner]
        project = self.inside.get(key)
        wanted = order(
            (account, key), tokens=tokens, caps=self.caps.get(key, NO_CAPS), monthly=MONTHLY,
            project=project, project_caps=self.caps.get(project or "", NO_CAPS),
        )  # fmt: skip
        with contextlib.suppress(InsufficientCredit):
            hold = self.books.do(self.writers[process].hold(wanted))
            self.running.append((self.writers[process], wanted, hold))
            self._within_caps(wanted, hold)

    def _within_caps(self, wanted: Order, hold: Hold) -> None:
        """P1 of a key and of a project: what was just granted fits below every cap it was asked under."""
        counters = {(each.subject_id, each.period): each for each in self._counters(wanted.account_id)}
        for subject, caps in wanted.capped:
            for period, cap in periods(caps, hold.created_us).items():
                counter = counters[subject, period]
                assert counter.settled_nanousd + counter.held_nanousd <= cap

    def _counters(self, account_id: str) -> list[Counter]:
        return self._database.read_now(lambda conn: list_counters(conn, account_id))

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0), tokens=st.integers(1, 30))
    def extend(self, which: int, tokens: int) -> None:
        writer, wanted, hold = self.running.pop(which % len(self.running))
        with contextlib.suppress(ProcessLost):
            longer = self.books.do(writer.extend(wanted, hold, tokens))
            self.running.append((writer, wanted, longer or hold))
            if longer is not None:
                self._within_caps(wanted, longer)

    @precondition(lambda self: self.running)
    @rule(
        which=st.lists(st.integers(0), min_size=1, max_size=4),
        share=st.integers(0, 100),
        end=st.sampled_from(OUTCOMES),
    )
    def settle(self, which: list[int], share: int, end: Outcome) -> None:
        """Several at once, so that they share a batch."""
        chosen = [self.running.pop(each % len(self.running)) for each in which if self.running]
        charges = []
        for writer, _, hold in chosen:
            charge = self.books.charge(hold, hold.output_tokens_max * share // 100, outcome=end)
            charges.append(writer.charge(charge))
        settled = self.books.all(*charges)
        for done in settled:
            if not isinstance(done, ProcessLost):
                assert not isinstance(done, BaseException), done
                self.spent[done.event.account_id] += done.event.cost_nanousd
        for (_, wanted, _), done in zip(chosen, settled, strict=True):
            for subject in (wanted.key_id, wanted.project_id):
                if subject is not None and not isinstance(done, ProcessLost):
                    self.spent_by[subject] += done.event.cost_nanousd

    @rule(owner=st.integers(0, 1), amount=st.integers(1, 30_000), days=st.sampled_from([None, 1, 10]))
    def grant(self, owner: int, amount: int, days: int | None) -> None:
        account, _ = self.owners[owner]
        expires = None if days is None else self.books.now + 24 * HOUR * days
        self.books.database.write_now(
            lambda conn: give(conn, account, amount, kind="promotion", reason="t", expires_us=expires)
        )

    @rule(owner=st.integers(0, 1), amount=st.integers(1, 30_000))
    def correct(self, owner: int, amount: int) -> None:
        account, _ = self.owners[owner]
        with contextlib.suppress(Conflict):
            self.books.database.write_now(
                lambda conn: give(conn, account, -amount, kind="correction", reason="t")
            )

    @rule(owner=st.integers(0, 1), limit=st.sampled_from([0, 5_000, 50_000]))
    def limit(self, owner: int, limit: int) -> None:
        account, _ = self.owners[owner]
        with contextlib.suppress(Conflict):
            self.books.database.write_now(lambda conn: set_credit_limit(conn, account, limit))

    @rule(
        owner=st.integers(0, 2),
        day=st.sampled_from([None, 0, 9_000, 90_000]),
        total=st.sampled_from([None, 60_000]),
    )
    def cap(self, owner: int, day: int | None, total: int | None) -> None:
        caps = Caps(day_nanousd=day, total_nanousd=total)
        self.caps[self.owners[owner][1]] = NO_CAPS if caps == NO_CAPS else caps

    @rule(
        project=st.integers(0, 1),
        month=st.sampled_from([None, 0, 9_000, 90_000]),
        total=st.sampled_from([None, 50_000]),
    )
    def budget(self, project: int, month: int | None, total: int | None) -> None:
        caps = Caps(month_nanousd=month, total_nanousd=total)
        self.caps[self.projects[project]] = NO_CAPS if caps == NO_CAPS else caps

    @rule(owner=st.sampled_from([0, 2]), project=st.sampled_from([None, 0, 1]))
    def move(self, owner: int, project: int | None) -> None:
        """What runs and what was spent stays where it began."""
        _, key = self.owners[owner]
        self.inside.pop(key, None)
        if project is not None:
            self.inside[key] = self.projects[project]

    @rule(discount=st.integers(0, 100), boundary=st.integers(1, 500))
    def price_change(self, discount: int, boundary: int) -> None:
        book: PriceBook = msgspec.structs.replace(
            TIERED, version=next(self._versions), tiers=(Tier(boundary, 0), Tier(None, discount))
        )
        self.books.database.write_now(lambda conn: publish(conn, book))
        self.books.book = book

    @rule(hours=st.sampled_from([1, 24]))
    def time_passes(self, hours: int) -> None:
        self._to(self.books.now + hours * HOUR)

    @rule()
    def month_turns(self) -> None:
        self._to(next_month_us(self.books.now))

    def _to(self, instant_us: int) -> None:
        """Living processes say that they live, as they do every few seconds."""
        self.books.now = instant_us
        for writer in self.writers:
            self.books.tick(writer)

    @rule(process=st.integers(0, 1))
    def crash(self, process: int) -> None:
        """Its memory is gone; a minute later its credit is given back, and its requests can charge nothing."""
        dead, self.writers[process] = self.writers[process], self.books.writer()
        self.books.now += 61_000_000
        self.books.tick(self.writers[1 - process])
        self.books.bury_expired()
        mine = [entry for entry in self.running if entry[0] is dead]
        self.running = [entry for entry in self.running if entry[0] is not dead]
        for writer, _, hold in mine:
            late = self.books.all(writer.charge(self.books.charge(hold, 1)))
            assert isinstance(late[0], ProcessLost), late
        self.books.do(dead.close())

    @rule(process=st.integers(0, 1))
    def graceful_stop(self, process: int) -> None:
        mine = [entry for entry in self.running if entry[0] is self.writers[process]]
        self.running = [entry for entry in self.running if entry[0] is not self.writers[process]]
        for writer, _, hold in mine:
            done: Any = self.books.do(writer.charge(self.books.charge(hold, outcome="worker_failed")))
            assert done.event.cost_nanousd == 0
        self.books.do(self.writers[process].close())
        self.writers[process] = self.books.writer()

    @invariant()
    def everything_agrees(self) -> None:
        assert self.books.findings() == ()
        for account, spent in self.spent.items():
            balance = self.books.balance(account)
            assert balance.settled_nanousd == spent
            assert balance.settled_nanousd + balance.held_nanousd <= (
                balance.granted_nanousd + balance.credit_limit_nanousd
            )
            held = sum(hold.amount_nanousd for _, _, hold in self.running if hold.account_id == account)
            assert balance.held_nanousd >= held, "what a running request may spend is set aside"
            for counter in self._counters(account):
                if counter.period == "total":
                    assert counter.settled_nanousd == self.spent_by[counter.subject_id]

    def teardown(self) -> None:
        if hasattr(self, "owners"):
            for writer in self.writers:
                self.books.do(writer.close())
            for account in self.spent:
                assert self.books.balance(account).held_nanousd == 0
                assert not any(counter.held_nanousd for counter in self._counters(account))
        self.books.close()
        self._database.close()
        self._folder.cleanup()


TestLedger = pytest.mark.timeout(600)(Ledger.TestCase)
TestLedger.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
