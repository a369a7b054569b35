"""The accounts of one batch while they are locked: charge, take back, answer, resize, and write what changed.

Only arithmetic between `__init__`, which reads, and `save`, which writes.
"""

from operator import itemgetter

import msgspec

from gateway.catalog.rate import classes, rate, total_nanousd
from gateway.catalog.types import TOKEN_CLASSES, CostLine, Starts
from gateway.credit import store as credit
from gateway.credit.draw import cost_of, periods, periods_of, refusal, surplus, tokens_of
from gateway.credit.purse import Purse
from gateway.credit.types import Counter, LeaseId, Reached
from gateway.kit.clock import day_and_month
from gateway.kit.db import WriteConn
from gateway.kit.prepared import together
from gateway.metering import store
from gateway.metering.batch import Answer, Ask, Batch, Booked, Charge, LeaseAfter, Settled
from gateway.metering.chain import GENESIS, link
from gateway.metering.types import BILLED, Link, TierCounter, UsageEvent


class _Change(msgspec.Struct):
    """Of one counter, by this batch."""

    account_id: str
    settled_nanousd: int = 0
    held_nanousd: int = 0


class Ledger:
    def __init__(self, conn: WriteConn, batch: Batch) -> None:
        self._batch = batch
        self._purses = credit.lock_purses(conn, {lease.account_id for lease in batch.leases})
        self._held = {lease: state.held_nanousd for lease, state in batch.leases.items()}
        self._pinned = {lease: state.pinned_nanousd for lease, state in batch.leases.items()}
        self._events: list[tuple[UsageEvent, Link]] = []
        self._volumes: dict[tuple[str, str, str, str], int] = {}
        self._moved: set[tuple[str, str, str, str]] = set()
        if batch.charges:
            months = {_month(charge.event) for charge in batch.charges}
            accounts = {charge.hold.account_id for charge in batch.charges}
            for counter in store.read_tier_counters(conn, accounts, months):
                *place, tokens = msgspec.structs.astuple(counter)
                self._volumes[tuple(place)] = tokens  # the four columns of its key
        capped = [ask for ask in batch.asks if ask.lease_id.subjects]
        subjects = {subject for ask in capped for subject in ask.lease_id.subjects}
        at = {period for ask in capped for period in periods_of(ask.begun_us)}
        self._counters = credit.read_counters(conn, subjects, at) if capped else {}
        self._changes: dict[tuple[str, str], _Change] = {}

    def charge(self, charge: Charge) -> Settled:
        """Rates the event at its account's place in the month's volume, and spends that much of its hold."""
        hold, purse = charge.hold, self._purses[charge.hold.account_id]
        event, lines = self._rated(charge)
        self._pinned[hold.lease_id] -= hold.amount_nanousd
        self._held[hold.lease_id] -= event.cost_nanousd
        used_before = len(purse.new_uses)
        purse.spend(event.cost_nanousd, event.request_id, event.created_us)
        for subject in (hold.key_id, hold.project_id):
            if subject is not None:
                unheld = event.cost_nanousd if subject in hold.lease_id.subjects else 0
                self._count(purse, subject, hold.created_us, settled=event.cost_nanousd, held=-unheld)
        booked = Booked(self._chain(purse, event), lines, purse.new_uses[used_before:])
        return Settled(event, purse.balance.remaining_nanousd, booked)

    def _rated(self, charge: Charge) -> tuple[UsageEvent, tuple[CostLine, ...]]:
        event = charge.event
        if event.outcome not in BILLED:
            return event, ()
        month, counts, used = _month(event), event.counts, {}
        for name, tokens in classes(counts).items():
            place = (event.account_id, month, event.model, name)
            used[name] = self._volumes.get(place, 0)
            if tokens:
                self._volumes[place] = used[name] + tokens
                self._moved.add(place)
        lines = rate(counts, charge.prices, charge.tiers, Starts(**used))
        starts = {f"{name}_start": used[name] for name in TOKEN_CLASSES}
        return msgspec.structs.replace(event, cost_nanousd=total_nanousd(lines), **starts), lines

    def _chain(self, purse: Purse, event: UsageEvent) -> int:
        balance = purse.balance
        before, seq = balance.chain_hash or GENESIS, balance.chain_seq + 1
        place = Link(seq, link(before, seq, msgspec.structs.asdict(event)))
        purse.balance = msgspec.structs.replace(balance, chain_seq=seq, chain_hash=place.chain_hash)
        self._events.append((event, place))
        return seq

    def reclaim(self) -> None:
        """Takes back what frozen leases have free; what has expired meanwhile can then expire whole."""
        for lease, state in self._batch.leases.items():
            if state.frozen:
                free = self._held[lease] - self._pinned[lease]
                self._purses[lease.account_id].give_back(free)
                self._held[lease] -= free
                for subject in lease.subjects:
                    self._count(self._purses[lease.account_id], subject, lease.day_us, held=-free)
        for ask in self._batch.asks:
            purse = self._purses[ask.order.account_id]
            purse.turn(ask.order.monthly_free_nanousd, self._batch.now_us)

    def answer(self, ask: Ask) -> Answer:
        """Draws what the order needs: all of it, or as much as will do, or nothing and the reason why."""
        order, purse = ask.order, self._purses[ask.order.account_id]
        pool, reached = purse.available_nanousd, None
        for subject, caps in order.capped:
            for period, cap in periods(caps, ask.begun_us).items():
                if (left := cap - self._spent(subject, period)) < pool:
                    pool, reached = left, Reached(subject_id=subject, period=period, cap_nanousd=cap)
        tokens = tokens_of(order, pool)
        if tokens == 0:
            return None if order.only_from_plenty else refusal(order, pool, reached)
        amount = cost_of(order, tokens)
        purse.draw(amount)
        self._held[ask.lease_id] += amount
        self._pinned[ask.lease_id] += amount
        for subject in ask.lease_id.subjects:
            self._count(purse, subject, ask.begun_us, held=amount)
        return tokens

    def _spent(self, subject_id: str, period: str) -> int:
        """And held, by this key or project in a period, with what this batch changes."""
        counter = self._counters.get((subject_id, period))
        known = 0 if counter is None else counter.settled_nanousd + counter.held_nanousd
        change = self._changes.get((subject_id, period))
        return known if change is None else known + change.settled_nanousd + change.held_nanousd

    def _count(self, purse: Purse, subject_id: str, at_us: int, *, settled: int = 0, held: int = 0) -> None:
        """In every period of a request that began at this instant."""
        for period in periods_of(at_us):
            change = self._changes.get((subject_id, period))
            if change is None:
                change = self._changes[subject_id, period] = _Change(purse.balance.account_id)
            change.settled_nanousd += settled
            change.held_nanousd += held

    def resize(self) -> dict[LeaseId, LeaseAfter]:
        """Gives each lease that may have one its surplus; at half of that it is filled up again.

        None where something expired meanwhile: the next request asks, and then that is taken back first.
        """
        generous = set()
        for lease in self._batch.spare:
            purse, state = self._purses[lease.account_id], self._batch.leases[lease]
            turned = purse.balance.turn_us <= self._batch.now_us
            wanted = 0 if turned else surplus(purse.available_nanousd, state.hold_max_nanousd)
            lacking = wanted - (self._held[lease] - self._pinned[lease])
            if lacking * 2 > wanted:
                purse.draw(lacking)
                self._held[lease] += lacking
            if wanted:
                generous.add(lease)
        return {
            lease: LeaseAfter(held, self._purses[lease.account_id].balance.turn_us, lease in generous)
            for lease, held in self._held.items()
        }

    def save(self, conn: WriteConn) -> None:
        with together(conn):
            self._save(conn)

    def _save(self, conn: WriteConn) -> None:
        if self._events:
            store.insert_events(conn, self._events)
        if self._moved:
            counters = [
                TierCounter(account_id=account, month=month, model=model, token_class=name, tokens=tokens)
                for place in sorted(self._moved)
                for (account, month, model, name), tokens in [(place, self._volumes[place])]
            ]
            store.save_tier_counters(conn, counters)
        credit.save_purses(conn, self._purses.values())
        credit.save_leases(conn, self._batch.process_id, self._held)
        changes = [
            Counter(
                subject_id=subject,
                account_id=change.account_id,
                period=period,
                settled_nanousd=change.settled_nanousd,
                held_nanousd=change.held_nanousd,
            )
            for (subject, period), change in sorted(self._changes.items(), key=itemgetter(0))
        ]
        credit.change_counters(conn, changes)


def _month(event: UsageEvent) -> str:
    """Of its beginning: a stream that crosses midnight belongs to the month in which it began."""
    return day_and_month(event.created_us)[1]
